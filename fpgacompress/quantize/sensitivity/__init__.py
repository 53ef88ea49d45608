"""What each tensor costs at each width: measured on real samples, or estimated from the Fisher matrix.

candidates = Candidates(model, calibration_samples, input_type)      # every tensor at every width, as build quantizes it
table = measure(candidates, x_validation, y_validation)              # change of loss and accuracy
quick = fisher(candidates, x_validation, y_validation)               # the same from first derivatives
agreement(table, quick)
"""

from .agreement import Agreement, agreement
from .candidates import BITS, Candidates
from .fisher import fisher
from .forward import Change, Forward, Score
from .measured import measure
from .table import Row, Sensitivity
from .tensors import Choice, Tensor

__all__ = [
    "BITS",
    "Agreement",
    "Candidates",
    "Change",
    "Choice",
    "Forward",
    "Row",
    "Score",
    "Sensitivity",
    "Tensor",
    "agreement",
    "fisher",
    "measure",
]
