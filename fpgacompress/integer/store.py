"""Save, load and hash an integer network: one ``.npz`` with JSON inside, versioned, no pickle, checked on load (numpy only)."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ModelError
from .network import IntegerNetwork, Node, Tensor
from .types import FixedType

FORMAT = "fpgacompress integer network"
VERSION = 1


def _type(text: str) -> FixedType:
    return FixedType.parse(text)


def describe(network: IntegerNetwork) -> dict[str, Any]:
    """Everything but the weights as plain JSON values."""
    nodes = []
    for node in network.nodes:
        entry: dict[str, Any] = {
            "name": node.name,
            "op": node.op,
            "inputs": list(node.inputs),
            "out": str(node.out),
            "shape": list(node.shape),
        }
        if node.params:
            entry["params"] = node.params
        for part in ("kernel", "bias"):
            tensor = getattr(node, part)
            if tensor is not None:
                entry[part] = {"type": str(tensor.type), "shape": list(tensor.values.shape)}
        nodes.append(entry)
    return {"format": FORMAT, "version": VERSION, "name": network.name, "nodes": nodes}


def _arrays(network: IntegerNetwork) -> dict[str, np.ndarray]:
    found = {}
    for i, node in enumerate(network.nodes):
        for part in ("kernel", "bias"):
            tensor = getattr(node, part)
            if tensor is not None:
                found[f"{part}_{i}"] = np.ascontiguousarray(tensor.values, "<i8")
    return found


def network_hash(network: IntegerNetwork) -> str:
    """SHA-256 (hex) over structure, types and weights; the same on every machine, independent of the model's name."""
    head = describe(network) | {"name": ""}
    digest = hashlib.sha256(json.dumps(head, sort_keys=True, separators=(",", ":")).encode())
    for name, values in sorted(_arrays(network).items()):
        digest.update(name.encode() + values.tobytes())
    return digest.hexdigest()


def _smallest(values: np.ndarray) -> np.ndarray:
    for dtype in (np.int8, np.int16, np.int32):
        info = np.iinfo(dtype)
        if values.size == 0 or (values.min() >= info.min and values.max() <= info.max):
            return values.astype(dtype)
    return values


def save(network: IntegerNetwork, path: str | Path) -> Path:
    """Write ``network`` to ``path`` (``.npz``), first to a neighbour file, then renamed.

    Raises:
        ModelError: the file cannot be written.
    """
    path = Path(path)
    partial = path.with_name(path.name + ".part")
    head = describe(network) | {"sha256": network_hash(network)}
    text = np.frombuffer(json.dumps(head, sort_keys=True).encode(), np.uint8)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(partial, "wb") as file:
            np.savez_compressed(file, json=text, **{k: _smallest(v) for k, v in _arrays(network).items()})
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ModelError(
            f"the integer network could not be saved as '{path}' ({error})", do="free disk space or choose another folder"
        ) from error
    return path


def _tensor(entry: dict[str, Any] | None, values: np.ndarray | None, where: str) -> Tensor | None:
    if entry is None:
        return None
    if values is None or list(values.shape) != list(entry["shape"]) or not np.issubdtype(values.dtype, np.integer):
        raise ValueError(f"{where} is missing or has another shape or dtype than the file says")
    type, values = _type(entry["type"]), values.astype(np.int64)
    if values.size and (values.min() < type.low or values.max() > type.high):
        raise ValueError(f"{where} holds values outside {type}")
    return Tensor(values, type)


def _network(head: dict[str, Any], arrays: dict[str, np.ndarray]) -> IntegerNetwork:
    nodes = []
    for i, entry in enumerate(head["nodes"]):
        tensors = {
            part: _tensor(entry.get(part), arrays.get(f"{part}_{i}"), f"the {part} of layer '{entry['name']}'")
            for part in ("kernel", "bias")
        }
        nodes.append(
            Node(
                name=entry["name"],
                op=entry["op"],
                inputs=tuple(entry["inputs"]),
                out=_type(entry["out"]),
                shape=tuple(entry["shape"]),
                params=entry.get("params", {}),
                **tensors,
            )
        )
    return IntegerNetwork(head["name"], tuple(nodes))


def load(path: str | Path) -> IntegerNetwork:
    """Read a network written by :func:`save`; checks format, version, shapes, ranges and hash.

    Raises:
        ModelError: the file is missing, damaged, or of a newer version.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"there is no integer network '{path}'", expected="a .npz written by fpgacompress")
    if path.suffix.lower() in (".h5", ".keras"):
        raise ModelError(
            f"'{path}' is a Keras model, not an integer network",
            expected="a .npz written by fpgacompress",
            do="lower it first: fpgacompress.integer.save(fpgacompress.read('model.h5').network, 'model.npz')",
        )
    try:
        with np.load(path, allow_pickle=False) as archive:
            if "json" not in archive.files:
                raise ModelError(f"'{path}' holds no integer network", expected="a .npz written by fpgacompress")
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(arrays.pop("json").tobytes().decode())
        if head.get("format") != FORMAT:
            raise ValueError("it is not an integer network")
        if head.get("version", 0) > VERSION:
            raise ModelError(f"'{path}' has format version {head['version']}", expected=f"up to {VERSION}", do="update fpgacompress")
        network = _network(head, arrays)
        if network_hash(network) != head.get("sha256"):
            raise ValueError("its contents do not match its hash")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zipfile.zlib.error) as error:
        raise ModelError(f"'{path}' is damaged ({error})", do="lower the model again, or copy the file again") from error
    return network
