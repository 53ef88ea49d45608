"""rule4ml's predictions for rows of designs. Runs in rule4ml's own environment (benchmarks/estimate_peers.py makes it), imports nothing of ours.

    python rule4ml_rows.py ROWS.json OUT.json

``ROWS.json`` is a list of designs: ``id``, ``family``, ``board`` (of rule4ml's newer networks), ``older_board`` (of its first ones, which know
fewer), ``strategy``, ``reuse`` (the reuse factor asked for), ``layers`` (type, n_in, n_out) and ``readings``: name and what is said of the design
under it (``precision``, ``hls4ml``, ``tool``). All designs have the same names of readings; the first is the literal one.

A Keras model is built from the layers of each design and read by rule4ml's own parser, once; every network in its wheel then predicts every
reading. Predictions are counts: rule4ml turns shares of its board into counts itself. Its graph networks normalise over all nodes of a batch, so
that what they say of a design depends on which others are asked about in the same call: they are asked about each design alone, and about all of
a family in one call ("v2/gnn together").

``checked``: largest relative difference between these predictions and ``MultiModelWrapper.predict``, the way of its README, for the first design of
each family. ``readme``: the same against the first line of the README of 0.2.0, which is one call of 4032 settings.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.update(CUDA_VISIBLE_DEVICES="-1", TF_CPP_MIN_LOG_LEVEL="3")
os.environ.update(OMP_NUM_THREADS="1", TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from rule4ml.models import wrappers  # noqa: E402
from rule4ml.parsers.data_parser import get_global_inputs, get_layers_data, to_dataframe  # noqa: E402
from rule4ml.parsers.network_parser import config_from_keras_model  # noqa: E402

torch.set_num_threads(1)

NETWORKS = {"v2/gnn": "v2/gnn", "v2/gnn together": "v2/gnn", "v1/mlp": "v1/mlp", "v2/mlp": "v2/mlp"}
"""Name and folder of weights in the wheel; the first is what ``load_default_models`` loads."""
README = {"bram": 2.52, "dsp": 0.32, "ff": 1265.02, "lut": 3564.90, "cycles": 125.77, "interval": 1.35}
"""First line of the example of 0.2.0: 16-32-32-32-5, pynq-z2, latency, ap_fixed<2, 1>, reuse 1, hls4ml 0.8.1, Vivado 2019.1."""
PACKAGES = ("rule4ml", "torch", "torch-geometric", "tensorflow-cpu", "keras", "numpy", "pandas")
ACTIVATIONS = ("relu", "softmax", "sigmoid", "tanh")


def network(design: dict[str, Any]) -> keras.Model:
    """The design's layers as a Keras model of plain (not quantized) layers, which is all that rule4ml reads of one."""
    x = inputs = keras.layers.Input(shape=(design["layers"][0]["n_in"],))
    for layer in design["layers"]:
        if layer["type"] == "dense":
            x = keras.layers.Dense(layer["n_out"])(x)
        elif layer["type"] == "normalize":
            x = keras.layers.BatchNormalization()(x)
        elif layer["type"] in ACTIVATIONS:
            x = keras.layers.Activation(layer["type"])(x)
        else:
            raise ValueError(f"design {design['id']}: no Keras layer for '{layer['type']}'")
    model = keras.Model(inputs, x, name="design")
    model.build((None, design["layers"][0]["n_in"]))
    return model


def settings(design: dict[str, Any], reading: dict[str, str], older: bool = False) -> dict[str, Any]:
    """rule4ml's configuration of a design under a reading."""
    model = {"strategy": design["strategy"], "precision": reading["precision"], "reuse_factor": design["reuse"]}
    return {"board": design["older_board" if older else "board"], "model": model}


def loaded(folder: str) -> list[Any]:
    """The networks in one folder of weights, one for each figure."""
    found = []
    for config in sorted((Path(wrappers.__file__).parent / "weights" / folder).glob("*.config.json")):
        stem = str(config).removesuffix(".config.json")
        known = Path(f"{stem}.weights.pt").is_file()
        wrapper = wrappers.TorchModelWrapper() if known else wrappers.KerasModelWrapper()
        wrapper.load(str(config), f"{stem}.weights.{'pt' if known else 'h5'}")
        found.append(wrapper)
    return found


def alone(wrapper: Any) -> Any:
    """A network that is asked about one design at a time."""
    several = wrapper._model_predict

    def one_by_one(inputs: dict[str, Any], *given: Any, **more: Any) -> Any:
        count = len(next(iter(inputs.values())))
        return np.concatenate([several({k: v[i : i + 1] for k, v in inputs.items()}, *given, **more) for i in range(count)])

    wrapper._model_predict = one_by_one
    return wrapper


def predicted(wrapper: Any, inputs: list[Any], configs: list[Any]) -> list[float]:
    """What one network predicts for designs: their global features and what rule4ml's parser made of their layers."""
    table = to_dataframe(
        global_inputs=[dict(i) for i in inputs],
        sequential_inputs=[get_layers_data(c) for c in configs],
        global_categorical_maps=wrapper.global_categorical_maps,
        sequential_categorical_maps=wrapper.sequential_categorical_maps,
        meta_data=[],
        targets=[],
    )
    return [float(v) for v in wrapper.predict_from_df(table)[:, 0]]


def features(config: Any, design: dict[str, Any], reading: str, older: bool) -> Any:
    """rule4ml's global features of a design under a reading."""
    said = design["readings"][reading]
    return get_global_inputs(config, settings(design, said, older), hls4ml_version=said["hls4ml"], vivado_version=said["tool"])


def distinct(wrapper: Any, designs: list[dict[str, Any]]) -> list[str]:
    """Readings that differ for a network: its older ones hear nothing of versions, only of precisions."""
    names = list(designs[0]["readings"])
    if "vivado_version" in wrapper.global_categorical_maps:
        return names
    first: dict[tuple[str, ...], str] = {}
    for name in names:
        first.setdefault(tuple(d["readings"][name]["precision"] for d in designs), name)
    return list(first.values())


def usual_way(default: Any, design: dict[str, Any], reading: str) -> dict[str, float]:
    """The default networks' counts of one design by the way of rule4ml's README."""
    said = design["readings"][reading]
    versions = {"hls4ml_versions": said["hls4ml"], "vivado_versions": said["tool"]}
    table = default.predict(network(design), hls_configs=[settings(design, said)], round_digits=6, **versions)
    return {k: float(table[k.upper()].iloc[0]) for k in README}


def readme() -> float:
    """Largest relative difference to the README's first line, whose last digit is worth 0.005."""
    x = inputs = keras.layers.Input((16,))
    for units in (32, 32, 32):
        x = keras.layers.Dense(units, activation="relu")(x)
    model = keras.Model(inputs, keras.layers.Dense(5, activation="softmax")(x))
    model.build((None, 16))
    worst = 0.0
    for wrapper in loaded("v2/gnn"):
        maps = wrapper.global_categorical_maps
        precisions, reuses = ("ap_fixed<2, 1>", "ap_fixed<8, 3>", "ap_fixed<16, 6>"), (1, 2, 4, 8, 16, 32, 64)
        configs = {r: config_from_keras_model(model, {"model": {"reuse_factor": r}}) for r in reuses}
        asked, layers = [], []
        for board, strategy, precision, reuse, hls4ml, tool in itertools.product(
            maps["board"], maps["strategy"], precisions, reuses, maps["hls4ml_version"], maps["vivado_version"]
        ):
            setting = {"board": board, "model": {"strategy": strategy, "precision": precision, "reuse_factor": reuse}}
            asked.append(get_global_inputs(configs[reuse], setting, hls4ml_version=hls4ml, vivado_version=tool))
            layers.append(configs[reuse])
        value, told = README[wrapper.output_labels[0]], predicted(wrapper, asked, layers)[0]
        worst = max(worst, max(abs(told - value) - 0.005, 0.0) / value)
    return worst


def main() -> None:
    """Command line."""
    designs = json.loads(Path(sys.argv[1]).read_text())
    start = time.perf_counter()
    configs: dict[str, Any] = {}
    for i, design in enumerate(designs):
        configs[design["id"]] = config_from_keras_model(network(design), settings(design, next(iter(design["readings"].values()))))
        if i % 100 == 99:
            keras.backend.clear_session()
            print(f"rule4ml: {i + 1} of {len(designs)} designs read", flush=True)
    names = list(designs[0]["readings"])
    told: dict[str, dict[str, dict[str, dict[str, float]]]] = {d["id"]: {f: {n: {} for n in names} for f in NETWORKS} for d in designs}
    families = [[d for d in designs if d["family"] == f] for f in dict.fromkeys(d["family"] for d in designs)]
    for title, folder in NETWORKS.items():
        for wrapper in loaded(folder):
            asked = alone(wrapper) if title == "v2/gnn" else wrapper
            for name, group in itertools.product(distinct(wrapper, designs), families):
                own = [configs[d["id"]] for d in group]
                values = predicted(asked, [features(c, d, name, title.startswith("v1")) for c, d in zip(own, group)], own)
                for design, value in zip(group, values):
                    told[design["id"]][title][name][wrapper.output_labels[0]] = value
        print(f"rule4ml: {title} has predicted, {time.perf_counter() - start:.0f} s", flush=True)
    seconds = time.perf_counter() - start
    default = wrappers.MultiModelWrapper()
    default.load_default_models()
    checked = 0.0
    for group in families:
        ours = told[group[0]["id"]]["v2/gnn"][names[0]]
        for key, value in usual_way(default, group[0], names[0]).items():
            checked = max(checked, abs(value - ours[key]) / max(abs(value), 1.0))
    found = {"versions": {p: version(p) for p in PACKAGES}, "seconds": round(seconds, 1), "checked": checked, "readme": readme()}
    Path(sys.argv[2]).write_text(json.dumps(found | {"designs": told}))


if __name__ == "__main__":
    main()
