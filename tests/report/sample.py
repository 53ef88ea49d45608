"""SAMPLE results with invented numbers, for tests of the report only. Nothing here was measured.

``python tests/report/sample.py FOLDER`` writes a sample report to look at.
"""

from __future__ import annotations

import numpy as np

from fpgacompress.figures import Figure, unavailable
from fpgacompress.metrics import statistics, task

CLASSES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]
SKILL = {"teacher": 3.55, "float": 3.32, "qat": 3.27, "qap": 3.2, "student": 3.27}
TEXT = {
    "teacher": ("teacher", "CNN of 3 convolutions, float32 (sample)"),
    "float": ("float student", "784-256-64-10 MLP, float32 (sample)"),
    "qat": ("QAT", "the same MLP, quantizers per layer (sample)"),
    "qap": ("QAP", "quantization-aware pruning to 80 % zeros (sample)"),
    "student": ("KD+QAP student", "as QAP, with the teacher's softened answers (T = 2, alpha = 0.5) (sample)"),
}
SHAPES = {"dense_1": (784, 256, 6, 8), "dense_2": (256, 64, 5, 8), "logits": (64, 10, 8, 12)}


def _logits(name: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    shared, own = np.random.default_rng(1), np.random.default_rng(sum(map(ord, name)))
    y = shared.integers(10, size=n)
    z = 0.93 * shared.normal(0, 1.4, (n, 10)) + 0.37 * own.normal(0, 1.4, (n, 10))
    z[:, [0, 2, 4, 6]] += 1.1 * np.isin(y, [0, 2, 4, 6])[:, None]
    return z + (SKILL[name] + 0.7) * np.eye(10)[y], y


def _count(value: float, unit: str) -> Figure:
    return Figure(value, unit, stage="counted", provenance="counted from the integer weights (sample)")


def _law(value: float, unit: str, low: float, high: float, stage: str, provenance: str) -> Figure:
    return Figure(value, unit, low, high, "90 % of designs left out", stage, provenance)


def _layers(sparsity: float) -> list[dict]:
    rows = []
    for name, (inputs, outputs, bits, activation) in SHAPES.items():
        weights = inputs * outputs
        share = sparsity if name != "logits" else sparsity / 2
        kept = round(weights * (1 - share))
        rows.append(
            {
                "name": name,
                "kind": "dense",
                "shape": [inputs, outputs],
                "weights": weights,
                "nonzeros": kept,
                "sparsity": 1 - kept / weights,
                "levels_used": 2**bits - 5,
                "levels": 2**bits,
                "kernel_type": f"fixed<{bits},0>",
                "bias_type": "fixed<12,3>",
                "activation_type": f"ufixed<{activation},2>",
                "bits": bits,
                "nominal_sparsity": share,
            }
        )
    return rows


def _history(name: str, rng: np.random.Generator) -> list[dict]:
    rows = []
    for epoch in range(12 if name in ("teacher", "float") else 24):
        sparsity = 0.8 * (1 - (1 - min(epoch / 14, 1)) ** 3) if name in ("qap", "student") else 0.0
        reached = 0.2 * np.exp(-epoch / 3) + rng.normal(0, 0.003) + 0.012 * (name == "qap") + 0.004 * (name == "student")
        rows.append(
            {
                "epoch": epoch,
                "loss": 0.3 + 2 * reached,
                "task": 0.25 + reached,
                "distill": 0.4 + reached,
                "accuracy": 0.905 - reached + 0.002 * epoch,
                "val_loss": 0.32 + reached,
                "val_accuracy": 0.893 + 0.005 * (name == "teacher") - reached,
                "learning_rate": 1e-3,
                "sparsity": sparsity,
                "seconds": 4.1,
            }
        )
    return rows


def _model(name: str, n: int) -> tuple[dict, np.ndarray]:
    z, y = _logits(name, n)
    rng = np.random.default_rng(sum(map(ord, name)))
    measured = task.evaluate(z, y, CLASSES, split="test", resamples=200)
    quantized, pruned = name in ("qat", "qap", "student"), name in ("qap", "student")
    parameters = 421_642 if name == "teacher" else 218_058
    kept = 45_214 if pruned else parameters
    bits = 6.0 if quantized else 32.0
    none = unavailable("a float model has no EBOPs", "EBOPs")
    return {
        "label": TEXT[name][0],
        "description": TEXT[name][1],
        **{k: measured[k] for k in ("accuracy", "macro_f1", "auc", "ece", "per_class")},
        "parameters": _count(parameters, "parameters"),
        "nonzeros": _count(kept, "parameters"),
        "sparsity": _count(1 - kept / parameters, "fraction"),
        "mean_weight_bits": _count(5.94 if quantized else 32.0, "bits"),
        "model_bytes": _count(round(kept * bits / 8 * (1.35 if pruned else 1)), "bytes"),
        "flops": _count(8_812_300 if name == "teacher" else 435_456, "FLOPs"),
        "bops": _count(436_000_000 * int(bits) // 32, "BOPs"),
        "ebops": _count(1_890_000 if pruned else 9_730_112, "EBOPs") if quantized else none,
        "file": f"models/{name}.keras",
        "seconds": 98.4,
        "history": _history(name, rng),
        "confusion": measured["confusion"],
        "layers": _layers(0.8) if pruned else _layers(0.0) if quantized else [],
    }, task.correct(z, y)


def _weights() -> dict:
    rng, result = np.random.default_rng(2), {}
    for name, (inputs, outputs, bits, _) in SHAPES.items():
        half = 2 ** (bits - 1)
        values = np.clip(np.round(rng.normal(0, half / 3.2, inputs * outputs)), -half, half - 1).astype(int)
        values[rng.random(values.size) < (0.8 if name != "logits" else 0.4)] = 0
        levels, counts = np.unique(values, return_counts=True)
        result[name] = {"values": levels.tolist(), "counts": counts.tolist(), "lsb": 2.0 ** -(bits - 1), "type": f"fixed<{bits},0>"}
    return {"student": result}


def _estimate() -> dict:
    cs, ps = "csynth", "post-synth"
    return {
        "board": "pynq-z2",
        "part": "xc7z020clg400-1",
        "strategy": "Resource",
        "clock_ns": 10.0,
        "fits": True,
        "fits_reason": "the largest share is BRAM18 with 61.4 % of 280 by law; LUT stays under 100 % at the upper end of its interval",
        "total": {
            "lut": _law(29_876, "LUT", 21_400, 41_300, cs, "calibrated on published synthesis results (sample)"),
            "ff": _law(31_022, "FF", 24_800, 38_100, cs, "extrapolated beyond the calibrated widths (sample)"),
            "dsp": Figure(98, "DSP48", stage=cs, provenance="law (sample)"),
            "bram18": _law(172, "BRAM18", 169, 175, cs, "law (sample)"),
            "latency_cycles": Figure(1_187, "cycles", stage=cs, provenance="law (sample)"),
            "latency_us": Figure(11.87, "us", stage=cs, provenance="law (sample)"),
            "ii": Figure(784, "cycles", stage=cs, provenance="law (sample)"),
            "lut_post_synth": _law(8_963, "LUT", 2_690, 17_300, ps, "calibrated: csynth times the usual ratio (sample)"),
            "ff_post_synth": _law(18_613, "FF", 14_000, 24_000, ps, "calibrated (sample)"),
            "dsp_post_synth": unavailable("no rule for DSP after synthesis (sample)", "DSP48"),
        },
        "utilisation": {
            "lut": _law(0.5616, "fraction", 0.4023, 0.7763, cs, "calibrated (sample)"),
            "ff": _law(0.2916, "fraction", 0.2331, 0.3581, cs, "extrapolated (sample)"),
            "dsp": Figure(0.4455, "fraction", stage=cs, provenance="law (sample)"),
            "bram18": _law(0.6143, "fraction", 0.6036, 0.625, cs, "law (sample)"),
        },
        "fits_rule": "every upper end under the board's capacity (sample)",
        "notes": ["784 x 256 weights lie outside the calibrated sizes (sample)"],
        "activations": {
            "lut": _law(1_200, "LUT", 900, 1_600, cs, "calibrated (sample)"),
            "lut_post_synth": _law(640, "LUT", 300, 900, ps, "calibrated (sample)"),
        },
        "layers": [
            {
                "name": name,
                "strategy": "Resource",
                "reuse": reuse,
                "mults": mults,
                "dsp": Figure(mults, "DSP48", stage=cs, provenance="law (sample)"),
                "ii": Figure(reuse, "cycles", stage=cs, provenance="law (sample)"),
            }
            for name, reuse, mults in (("dense_1", 784, 256), ("dense_2", 256, 64), ("logits", 64, 10))
        ],
    }


def sample_results(n: int = 2000) -> dict:
    """Results with invented numbers and every part that a run can have; ``n`` invented test samples."""
    built = {name: _model(name, n) for name in SKILL}
    right = {name: c for name, (_, c) in built.items()}
    seeds = [1, 2, 3, 4, 5]
    arms = {
        "QAT": [0.8952, 0.8949, 0.8961, 0.8944, 0.8957],
        "QAP": [0.8921, 0.8903, 0.8930, 0.8911, 0.8917],
        "KD+QAP": [0.8947, 0.8931, 0.8942, 0.8950, 0.8929],
    }
    return {
        "name": "sample",
        "title": "SAMPLE: invented numbers, not results",
        "run_dir": "runs/sample",
        "created": "2026-01-01T00:00:00Z",
        "recipe": {"name": "sample", "data": {"source": "sample"}, "student": {"widths": [256, 64]}},
        "recipe_yaml": "# SAMPLE recipe\nname: sample\ndata: {source: sample}   # <not> a tag & not an entity\n"
        "student:\n  name: mlp\n  widths: [256, 64]\n",
        "environment": {
            "versions": {"fpgacompress": "0.0-sample", "python": "3.11.2", "tensorflow": "0.0-sample"},
            "machine": {"cpu": "sample CPU", "cores": 2, "memory_gb": 8},
            "seeds": {"train": 1, "data": 0},
        },
        "data": {
            "name": "Sample garments",
            "source": "https://example.org/sample",
            "licence": "MIT",
            "citation": "A. Sample & B. <Invented>, 2026",
            "classes": CLASSES,
            "train": 54_000,
            "validation": 6_000,
            "test": n,
            "sha256": "0123456789abcdef" * 4,
            "input_type": "ufixed<8,0>",
            "preprocessing": {"scale": 1 / 256, "offset": 0.0, "clip": [0.0, 1.0]},
            "test_read": [{"step": "evaluate", "time": "2026-01-01T00:07:12Z"}],
        },
        "models": {name: model for name, (model, _) in built.items()},
        "front": {
            "student": "01",
            "float_accuracy": 0.894,
            "points": [
                {"name": f"{i:02d}", "ebops": 400_000 // 3**i, "val_accuracy": accuracy, "dominated": i == 2}
                for i, accuracy in enumerate((0.899, 0.897, 0.85, 0.86))
            ],
            "ramp": [{"cost": 450_000 / 1.1**i, "val_accuracy": 0.9 - i * i / 40_000} for i in range(45)],
        },
        "comparisons": [
            statistics.compare("student", other, right["student"], right[other], labels=(TEXT["student"][0], TEXT[other][0]))
            for other in ("teacher", "float", "qat", "qap")
        ],
        "verify": {
            "samples": n,
            "outputs": 10 * n,
            "differing_bits": 0,
            "differing_samples": 0,
            "first_difference": None,
            "seconds": 3.2,
            "executors": ["QKeras student", "integer emulation", "hls4ml C simulation"],
        },
        "estimate": _estimate(),
        "firmware": {
            "project_dir": "hls_projects/sample",
            "backend": "Vitis",
            "io": "io_parallel",
            "files": ["firmware/myproject.cpp", "build_prj.tcl"],
            "build": {"status": "not built", "reason": "vitis-run is not on PATH (sample)"},
        },
        "weights": _weights(),
        "seconds": {
            "data": 1.3,
            "teacher": 181.0,
            "train": 204.5,
            "evaluate": 6.1,
            "lower": 0.4,
            "firmware": 21.0,
            "estimate": 0.1,
            "report": 3.0,
        },
        "ablation": {
            "rows": [{"arm": arm, "mean": statistics.mean_over_seeds(v), "seeds": seeds, "accuracies": v} for arm, v in arms.items()],
            "pairs": [
                {"a": a, "b": b, "difference": statistics.paired_over_seeds(arms[a], arms[b])}
                for a, b in (("QAP", "QAT"), ("KD+QAP", "QAP"), ("KD+QAP", "QAT"))
            ],
        },
        "warnings": ["SAMPLE: every number on this page is invented", "the upper end of the LUT interval is extrapolated (sample)"],
    }


if __name__ == "__main__":
    import sys

    from fpgacompress.report.write import write_report

    print(write_report(sample_results(10_000), sys.argv[1]))
