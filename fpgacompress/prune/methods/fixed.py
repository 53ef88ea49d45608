"""Fixed masks: weights that are zero stay zero, as in fine-tuning a pruned model, or those of a file do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...errors import FpgaCompressError, ModelError
from ...recipe import PruneSection
from .. import METHODS, Pruning, kernels_of, options_of, read_masks
from ..held import Held, Moment
from ..probe import Arrays
from ..schedules import Schedule
from ..targets import shapes_of


@METHODS.register("fixed")
def fixed(model: Any, section: PruneSection, steps: int, seed: int) -> Pruning:
    """No weight that is zero comes back; ``sparsity`` and the schedule do not matter.

    Options:
        file (default ""): masks of a former training (``masks.npz``) in place of the model's own zeros.
    """
    file, shapes = options_of(section, file="")["file"], shapes_of(kernels_of(model))
    found = None
    if file:
        try:
            found = read_masks(Path(file))
        except FpgaCompressError as error:
            raise ModelError(f"prune.options.file: {error.received}", expected=error.expected) from error
        for name, mask in found.items():
            if shapes.get(name) != mask.shape:
                raise ModelError(
                    f"the masks '{file}' have shape {mask.shape} for '{name}', the model has {shapes.get(name, 'no such layer')}",
                    expected="masks of the same layers",
                )

    def rule(moment: Moment) -> Arrays:
        return found if found is not None else {name: kernel != 0 for name, kernel in moment.kernels().items()}

    return Held(kernels_of(model), Schedule((0,), (0.0,)), dict.fromkeys(found if found is not None else shapes, 0.0), rule, seed)
