"""Quantization: policies (which layer gets which bits), fitted ranges, and the QKeras student built from a float model.

``policy`` and ``presets`` say the bits; ``ranges`` fits integer bits (numpy only), ``calibration`` runs the float model once, ``start``
finds weights that are dead before training; ``sites`` and ``fold`` read the float model; ``kernels`` and ``activations`` make the
quantizers, ``build`` the student.
"""
