"""Hardware-aware pruning: what a weight is worth over the adders that it costs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import ModelError
from ...metrics.csd import csd_digits
from ...recipe import PruneSection
from .. import METHODS, Pruning, check_quantizers, options_of, scored
from ..held import Moment
from ..probe import Arrays


@METHODS.register("hardware")
def hardware(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """Score ``(|w| or Taylor's score) / digits``, the digits being the non-zero canonical signed digits of the quantized weight.

    A weight of d digits takes d shifted copies of its input, and about as many adders, where it is multiplied without DSP blocks. Weights
    that are quantized to zero cost nothing and go first. Adders that several weights share are not known to it.

    Options:
        value (default "magnitude"): or "taylor" (eight batches).
        power (default 1.0): of the digits; 0 leaves the cost out.
    """
    options = options_of(section, value="magnitude", power=1.0)
    if options["value"] not in ("magnitude", "taylor"):
        raise ModelError(f"prune.options.value is '{options['value']}'", expected="magnitude or taylor")

    def score(moment: Moment) -> Arrays:
        kernels, whole = moment.kernels(), moment.probe.quantized()
        worth = {name: np.abs(kernel) for name, kernel in kernels.items()}
        if options["value"] == "taylor":
            squares = moment.probe.gradients(8, squared=True)
            worth = {name: np.square(kernel) * squares[name] for name, kernel in kernels.items()}
        found = {}
        for name, value in worth.items():
            digits = csd_digits((np.frexp(whole[name])[0] * 2**24).astype(np.int64))  # of the mantissas: shifts are free
            found[name] = np.where(digits > 0, value / np.maximum(digits, 1) ** options["power"], -1.0 + value / (1.0 + value))
        return found

    pruning = scored(score, model, section, steps, seed)
    check_quantizers(model, pruning.masks.kernels)
    return pruning
