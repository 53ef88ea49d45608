"""Training: one step that composes task loss, distillation terms, fake quantization and masks; one loop around it."""

from .loop import History, TrainConfig, TrainingData, fit, logits_of

__all__ = ["History", "TrainConfig", "TrainingData", "fit", "logits_of"]
