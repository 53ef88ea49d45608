"""One file per distillation method; each registers itself."""
