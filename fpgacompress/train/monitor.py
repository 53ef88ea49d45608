"""Validation figures that pick weights (numpy only)."""

from __future__ import annotations

import numpy as np


def score(logits: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Cross entropy (nats), accuracy and macro F1 of logits ``(n, classes)`` against labels ``(n,)``."""
    logits = logits.astype(np.float64)
    top = logits.max(axis=1, keepdims=True)
    log_sum = np.log(np.exp(logits - top).sum(axis=1)) + top[:, 0]
    guess = logits.argmax(axis=1)
    classes = logits.shape[1]
    table = np.bincount(y * classes + guess, minlength=classes * classes).reshape(classes, classes)
    hits = np.diag(table)
    support = table.sum(axis=0) + table.sum(axis=1)
    f1 = 2 * hits / np.maximum(support, 1)
    return {
        "val_loss": float(np.mean(log_sum - logits[np.arange(len(y)), y])),
        "val_accuracy": float(hits.sum() / len(y)),
        "val_macro_f1": float(f1[support > 0].mean()),
    }


def better(row: dict[str, float], earlier: list[dict[str, float]], monitor: str) -> bool:
    """True when ``row`` beats all earlier rows; equal accuracy is decided by the lower loss."""

    def key(r: dict[str, float]) -> tuple[float, float]:
        return (0.0 if monitor == "loss" else r[f"val_{monitor}"], -r["val_loss"])

    return all(key(row) > key(other) for other in earlier)
