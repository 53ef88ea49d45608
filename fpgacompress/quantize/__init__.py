"""Quantization: policies (which layer gets which bits), fitted ranges, and the QKeras student built from a float model."""
