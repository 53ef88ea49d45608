"""Lowering rules, one file per family of layers; each registers itself under the Keras class name."""
