"""One file per model; each registers itself."""
