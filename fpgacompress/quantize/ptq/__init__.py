"""Post-training quantization: equalisation, calibration, bias correction and a report of the error layer by layer."""

from .bias import bias_shifts, correct_biases
from .equalize import Equalized, equalize
from .folded import folded_model
from .measure import LayerError, layer_errors
from .outputs import mean_sums
from .post_training import PtqReport, PtqResult, post_training

__all__ = [
    "Equalized",
    "LayerError",
    "PtqReport",
    "PtqResult",
    "bias_shifts",
    "correct_biases",
    "equalize",
    "folded_model",
    "layer_errors",
    "mean_sums",
    "post_training",
]
