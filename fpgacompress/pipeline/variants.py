"""The quantized models of a run: which parts of the recipe act in the training of each."""

from __future__ import annotations

from dataclasses import dataclass

from ..recipe import Recipe


@dataclass(frozen=True)
class Variant:
    """One quantized model of a run: which parts of the recipe act in its training."""

    name: str
    pruned: bool
    distilled: bool
    trained: bool = True
    learned: bool = False

    @property
    def label(self) -> str:
        """The name the tables use."""
        if not self.trained:
            return "PTQ"
        if self.learned:
            return "KD+learned bits"
        return {(False, False): "QAT", (True, False): "QAP", (False, True): "KD+QAT", (True, True): "KD+QAP"}[(self.pruned, self.distilled)]


def variants(recipe: Recipe) -> list[Variant]:
    """The quantized models of a recipe, the student last; without training there is nothing to compare it with."""
    if recipe.quantize.method == "ptq":
        return [Variant("student", False, False, trained=False)]
    known = {"qat": Variant("qat", False, False), "qap": Variant("qap", True, False)}
    learned = recipe.quantize.method == "learned"
    student = Variant("student", recipe.quantize.learned.masks if learned else True, True, learned=learned)
    return [*(known[name] for name in dict.fromkeys(recipe.compare)), student]
