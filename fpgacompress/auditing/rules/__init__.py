"""The rules of the audit, one small file per family; each function registers itself under the name its findings carry."""
