"""One file per pruning method; each registers itself."""
