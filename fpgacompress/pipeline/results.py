"""The step that reads the test split, and the results tree that report and programs read."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset
from ..distill import SOFT
from ..figures import Figure, figures_from_json, unavailable
from ..integer import IntegerNetwork, store
from ..keras_stack import load_model, versions
from ..metrics import cost
from ..metrics.statistics import compare, majority_baseline, mean_over_seeds, paired_over_seeds
from ..metrics.task import correct, evaluate
from ..recipe import Recipe
from ..run import RunFolder, digest, read_json, write_json
from ..train import logits_of
from .distilling import NOTES
from .quantizing import RANGES
from .shrinking import SURGERY
from .students import prunes_float
from .teaching import TEACHERS, teaching_logits
from .training import Trainer, history_of
from .variants import Variant, variants

VERSION = 1


def float_macs(model: Any) -> int:
    """Multiply-accumulates of one sample through the dense and convolution layers of a Keras model."""
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel") and hasattr(layer, "output_shape"):
            positions = prod(layer.output_shape[1:-1]) if "Conv" in type(layer).__name__ else 1
            total += int(np.prod(layer.kernel.shape)) * positions
    return total


def evaluated(trainer: Trainer, folder: RunFolder, artifacts: dict[str, Path], repeats: dict[int, dict[str, Path]]) -> Path:
    """Run every model on the test split, which is read here; writes ``metrics.json``, logits and labels.

    Args:
        trainer: gives the data.
        folder: the run folder.
        artifacts: model name to trained artifact, for the recipe's own seed.
        repeats: seed to the same (without the teacher), for figures over seeds.
    """
    names = ["teacher", "float", *(v.name for v in variants(trainer.recipe))]
    inputs = {
        "version": VERSION,
        "models": {n: artifacts[n].name for n in names},
        "repeats": {s: {n: p.name for n, p in told.items()} for s, told in repeats.items()},
        **trainer.data_key,
    }

    def make(where: Path) -> None:
        data = trainer.dataset
        test = data.read_test("evaluate")
        x = data.preprocessing.apply(test.x)
        told: dict[str, Any] = {}
        for name in names:
            if name == "teacher":
                logits, found = teaching_logits(artifacts[name], x)
            else:
                found = [load_model(artifacts[name] / "model.h5")]
                logits = logits_of(found[0], x)
            np.save(where / f"logits_{name}.npy", logits)
            told[name] = evaluate(logits, test.y, list(data.classes), split="test")
            told[name]["keras"] = {"parameters": sum(int(m.count_params()) for m in found), "macs": sum(float_macs(m) for m in found)}
        right = (
            {name: {s: _accuracy(told_by[name], x, test.y) for s, told_by in repeats.items()} for name in names[1:]}
            if len(repeats) > 1
            else {}
        )
        np.save(where / "labels.npy", test.y)
        write_json(
            where / "metrics.json",
            {
                "models": told,
                "majority": majority_baseline(data.train.y, test.y),
                "by_seed": right,
                "test_reads": [vars(r) for r in data.test_reads],
                "test_samples": len(test),
            },
        )

    return folder.step("evaluate", inputs, make, title="every model on the test split")


def _accuracy(artifact: Path, x: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(logits_of(load_model(artifact / "model.h5"), x).argmax(axis=1) == y))


def ablation(by_seed: dict[str, dict[str, float]], labels: dict[str, str]) -> dict[str, Any] | None:
    """What each ingredient adds, over seeds: means with intervals, and paired differences of neighbours.

    Args:
        by_seed: model name to seed to test accuracy.
        labels: model name to what tables call it.
    """
    if not by_seed:
        return None
    seeds = list(next(iter(by_seed.values())))
    values = {name: [row[s] for s in seeds] for name, row in by_seed.items()}
    rows = [{"arm": labels[n], "mean": mean_over_seeds(v), "seeds": [int(s) for s in seeds], "accuracies": v} for n, v in values.items()]
    names = list(values)
    couples = [*zip(names[1:], names[:-1]), *(((names[-1], names[0]),) if len(names) > 2 else ())]
    pairs = [{"a": labels[a], "b": labels[b], "difference": paired_over_seeds(values[a], values[b])} for a, b in couples]
    return {"rows": rows, "pairs": pairs}


def _layers(network: IntegerNetwork, zeros_before: dict[str, float]) -> list[dict[str, Any]]:
    rows = []
    consumers = {i: n for n in network.nodes for i in n.inputs}
    for node in network.weighted:
        kernel = node.kernel
        assert kernel is not None
        after = consumers.get(node.name)
        rows.append(
            {
                "name": node.name,
                "kind": node.op,
                "shape": list(kernel.values.shape),
                "weights": int(kernel.values.size),
                "nonzeros": kernel.nonzeros,
                "sparsity": 1 - kernel.nonzeros / kernel.values.size,
                "nominal_sparsity": zeros_before.get(node.name),
                "levels_used": int(len(np.unique(kernel.values))),
                "levels": 2**kernel.type.width,
                "bits": kernel.type.width,
                "kernel_type": str(kernel.type),
                "bias_type": str(node.bias.type) if node.bias is not None else None,
                "accumulator_type": str(node.out),
                "activation_type": str(after.out) if after is not None and after.op in ("quantize", "quantize_each") else None,
            }
        )
    return rows


def _histograms(network: IntegerNetwork) -> dict[str, Any]:
    told = {}
    for node in network.weighted:
        assert node.kernel is not None
        values, counts = np.unique(node.kernel.values, return_counts=True)
        told[node.name] = {"values": values.tolist(), "counts": counts.tolist(), "lsb": node.kernel.type.lsb, "type": str(node.kernel.type)}
    return told


def _costs(network: IntegerNetwork) -> dict[str, Any]:
    return {name: figure for name, figure in cost.summary(network).items() if isinstance(figure, Figure)}


def _zeros_before(artifact: Path) -> dict[str, float]:
    """Exact zeros of the stored kernels before the layer's quantizer: what a label usually calls sparsity."""
    model = load_model(artifact / "model.h5")
    return {layer.name: float(np.mean(layer.kernel.numpy() == 0)) for layer in model.layers if hasattr(layer, "kernel")}


def machine() -> dict[str, Any]:
    """What the run was made on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count(), "memory_gib": round(memory, 1)}


def _told(artifact: Path) -> dict[str, Any]:
    """How integer bits were chosen, for students whose bits were not learned, and what distillation had to say."""
    files = {"ranges": artifact / RANGES, "notes": artifact / NOTES}
    return {name: read_json(path) for name, path in files.items() if path.is_file()}


def _float_facts(name: str, recipe: Recipe, artifact: Path) -> dict[str, Any]:
    """Label, description and notes of the teacher and of the float student."""
    if name == "teacher":
        members = read_json(artifact / TEACHERS)["members"] if (artifact / TEACHERS).is_file() else []
        several = f"{len(members)} float32 teachers, probabilities mixed ({recipe.distill.combine})"
        return {"label": "teacher", "description": several if len(members) > 1 else "float32 teacher"}
    taught = recipe.distill.float_student and recipe.train.pretrain_epochs
    by = f", taught ({recipe.distill.method})" if taught else ""
    notes = _told(artifact)
    if (artifact / SURGERY).is_file():
        before, after = read_json(artifact / SURGERY)["channels"]
        by += f", {before - after:,} of {before:,} channels taken out ({recipe.shrink.score})"
    if prunes_float(recipe):
        by += f", {recipe.prune.method} pruning"
    return {
        "label": "KD float student" if taught else "float student",
        "description": f"float32 student{by}, the start of every quantized variant",
    } | notes


def _front(artifacts: dict[str, Path]) -> dict[str, Any]:
    """The students of a training with learned bits, for the method that has them."""
    path = artifacts["student"] / "front.json"
    if not path.is_file():
        return {}
    ramp = [{"cost": row["cost"], "val_accuracy": row["val_accuracy"]} for row in history_of(artifacts["student"])]
    rows = [row["val_accuracy"] for row in history_of(artifacts["float"])]
    best = {"float_accuracy": max(rows)} if rows else {}
    return {"front": {**read_json(path), **best, "ramp": ramp, "folder": str(artifacts["student"] / "points")}}


def collect(recipe: Recipe, folder: RunFolder, dataset: Dataset, artifacts: dict[str, Path], problems: list[str]) -> dict[str, Any]:
    """Build the results tree and note in ``problems`` what was asked for and does not hold."""
    told = read_json(artifacts["evaluate"] / "metrics.json")
    labels = np.load(artifacts["evaluate"] / "labels.npy")
    quantized = {v.name: v for v in variants(recipe)}
    models: dict[str, Any] = {}
    right: dict[str, np.ndarray] = {}
    histograms: dict[str, Any] = {}
    for name, entry in told["models"].items():
        logits = np.load(artifacts["evaluate"] / f"logits_{name}.npy")
        right[name] = correct(logits, labels)
        model: dict[str, Any] = {
            **{k: v for k, v in entry.items() if k not in ("keras", "split", "samples")},
            "file": str(artifacts[name] / "model.h5"),
            "seconds": sum(s for n, s in folder.seconds.items() if n.startswith("teacher")) if name == "teacher" else folder.seconds[name],
            "history": history_of(artifacts[name]),
        }
        if name in quantized:
            network = store.load(artifacts["lower"] / f"{name}.npz")
            rows = _layers(network, _cached_zeros(folder, artifacts[name]))
            histograms[name] = _histograms(network)
            model |= {
                "label": quantized[name].label,
                "description": _describe(quantized[name], recipe, model["history"]),
                "layers": rows,
                **_told(artifacts[name]),
                **_costs(network),
            }
        else:
            model |= _float_facts(name, recipe, artifacts[name]) | cost.cost_of_float(**entry["keras"])
        models[name] = model

    comparisons = [
        compare("student", other, right["student"], right[other], labels=(models["student"]["label"], models[other]["label"]))
        for other in models
        if other != "student"
    ]
    estimate = read_json(artifacts["estimate"] / "estimate.json")
    if estimate["fits"] is False:
        problems.append(f"the student does not fit {estimate['board']} by estimate: {estimate.get('fits_reason', '')}")
    verify = read_json(artifacts["verify"] / "verify.json") if "verify" in artifacts else None
    if verify and verify["differing_bits"]:
        problems.append(f"{verify['differing_bits']} output bits differ; first at {verify['first_difference']}")
    reads = [*told["test_reads"], *((verify or {}).get("test_reads", []))]
    firmware = read_json(artifacts["firmware"] / "project.json") if "firmware" in artifacts else {}
    unknown = [f"{estimate['board']}: {estimate['fits_reason']}"] if estimate["fits"] is None else []
    warnings = [*dataset.notes, *unknown, *((verify or {}).get("notes", [])), *problems]
    tree = {
        "name": recipe.name,
        "title": recipe.name.replace("_", " "),
        "run_dir": str(folder.folder),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "recipe": recipe.to_dict(),
        "recipe_yaml": recipe.to_yaml(),
        "environment": {"versions": versions(), "machine": machine(), "seeds": {"recipe": recipe.seed, "further": recipe.seeds}},
        "data": {
            **{k: v for k, v in dataset.to_json().items() if k != "test_reads"},
            "train": len(dataset.train),
            "validation": len(dataset.validation),
            "test": told["test_samples"],
            "input_type": str(dataset.preprocessing.input_type),
            "test_read": reads,
            "majority": told["majority"],
        },
        "models": models,
        **_front(artifacts),
        "comparisons": comparisons,
        "verify": verify,
        "hardware": {k: v for k, v in read_json(artifacts["hardware"] / "hardware.json").items() if k != "kept"},
        "estimate": estimate,
        "firmware": firmware or {"project_dir": unavailable("no project was written")},
        "weights": histograms,
        "ablation": ablation(told.get("by_seed", {}), {n: m["label"] for n, m in models.items()}),
        "seconds": dict(folder.seconds),
        "artifacts": {n: str(p) for n, p in artifacts.items()},
        "warnings": warnings,
        "problems": problems,
    }
    tree["key"] = digest({"version": VERSION, **{k: v for k, v in tree.items() if k != "created"}})
    return figures_from_json(tree)


def _cached_zeros(folder: RunFolder, artifact: Path) -> dict[str, float]:
    """Zeros before quantization, computed once per trained model."""

    def make(where: Path) -> None:
        write_json(where / "zeros.json", _zeros_before(artifact))

    return read_json(folder.step("zeros", {"version": VERSION, "model": artifact.name}, make) / "zeros.json")


def _describe(variant: Variant, recipe: Recipe, history: list[dict[str, float]]) -> str:
    if not variant.trained:
        return "the float student, quantized without training"
    parts = ["fake quantization"]
    if variant.pruned:
        parts.append("the float student's zeros" if prunes_float(recipe) else f"{recipe.prune.method} pruning")
    if variant.distilled:
        soft = bool(history) and not history[0].keys().isdisjoint(SOFT)  # features have no temperature
        settings = f", T={recipe.distill.temperature:g}, alpha={recipe.distill.alpha:g}" if soft else ""
        several = f", {recipe.distill.generations} generations" if recipe.distill.generations > 1 else ""
        chain = recipe.distill.chain if isinstance(recipe.distill.chain, str) else f"{len(recipe.distill.chain)} links"
        between = "" if chain == "none" else f", chain: {chain}"
        parts.append(f"distillation ({recipe.distill.method}{settings}{between}{several})")
    start = "fresh weights" if recipe.quantize.start == "scratch" else "the float student's weights"
    return ", ".join(parts) + f", from {start}"
