"""Model files: what a file is, whether its layers can be read at all, then tf_keras' own reader."""

from __future__ import annotations

import json
import os
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import ModelError, UnsupportedError
from .stack import custom_objects, load

READABLE = "a .h5 or .keras file, or a SavedModel folder, saved by tf_keras or Keras 2"


def _other_format(path: Path, start: bytes) -> str | None:
    """Name of a well-known format that is not Keras 2's, or None."""
    if start[4:8] == b"TFL3":
        return "a TFLite model, whose training graph is gone"
    if path.suffix.lower() == ".onnx" or b"onnx" in start[:64].lower():
        return "an ONNX model"
    if not start:
        return "an empty file"
    if start[:4] == b"PK\x03\x04":
        return None if "config.json" in _zip_names(path) else "a zip file, but not a .keras file"
    if start[:8] == b"\x89HDF\r\n\x1a\n":
        return None
    return "neither a .h5 nor a .keras file"


def _zip_names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except zipfile.BadZipFile:
        return ["config.json"]  # damaged: the reader says so


def _head(path: Path) -> tuple[dict[str, Any], str]:
    """The file's description of the model ({} when there is none) and the version of Keras that wrote it ("" when unknown)."""
    if path.is_dir():
        return _saved_model_head(path)
    if path.read_bytes()[:2] == b"PK":
        with zipfile.ZipFile(path) as archive:
            version = json.loads(archive.read("metadata.json")).get("keras_version", "")
            return json.loads(archive.read("config.json")), version
    import h5py

    with h5py.File(path, "r") as file:
        config, version = (file.attrs.get(name, "") for name in ("model_config", "keras_version"))
        config, version = (text.decode() if isinstance(text, bytes) else text for text in (config, version))
    return (json.loads(config) if config else {}), version


def _saved_model_head(path: Path) -> tuple[dict[str, Any], str]:
    """``keras_metadata.pb`` holds one JSON text per Keras object; the root's has the model's class and configuration."""
    content = (path / "keras_metadata.pb").read_bytes()
    start = content.find(b'{"name"')
    if start < 0:
        return {}, ""
    root, _ = json.JSONDecoder().raw_decode(content[start:].decode(errors="replace"))
    version = re.search(rb'"keras_version": "([^"]+)"', content)
    return root, version.group(1).decode() if version else ""


def _layers(config: Any) -> Iterator[tuple[str, str]]:
    """(class, name) of everything with a class in a configuration, outer before inner."""
    if isinstance(config, dict):
        inner = config.get("config")
        if "class_name" in config and isinstance(inner, dict):
            yield str(config["class_name"]), str(inner.get("name", ""))
        for value in config.values():
            yield from _layers(value)
    elif isinstance(config, list):
        for value in config:
            yield from _layers(value)


def _refuse_early(path: Path) -> None:
    """Formats that are not Keras 2's, and files whose reading would run Python code kept in them."""
    if path.is_dir():
        if not (path / "saved_model.pb").is_file():
            raise ModelError(f"the folder '{path}' is no SavedModel", expected=READABLE)
        if not (path / "keras_metadata.pb").is_file():
            raise ModelError(
                f"the SavedModel '{path}' was not saved by Keras 2, so it has no layers",
                expected=READABLE,
                do="save the Keras model itself",
            )
    else:
        with path.open("rb") as file:
            other = _other_format(path, file.read(256))
        if other:
            raise ModelError(f"'{path}' is {other}", expected=READABLE, do="save the Keras model itself")
    head, version = _head(path)
    if version.startswith("3"):
        raise ModelError(
            f"'{path}' was saved by Keras {version}, whose models QKeras 0.9 and tf_keras cannot read",
            expected=READABLE,
            do="build and save it under Keras 2 (the package tf_keras, TF_USE_LEGACY_KERAS=1)",
        )
    for kind, name in _layers(head):
        if kind == "Lambda":
            raise UnsupportedError(
                f"layer '{name}' of '{path}' is a Lambda: Python code kept in the file, which is not run and has no exact integer form",
                do="replace the Lambda by layers of Keras or QKeras",
            )
    if not head and not path.is_dir():
        raise ModelError(f"'{path}' holds weights but no model", expected=READABLE, do="save the whole model with model.save")


_UNKNOWN = re.compile(
    r"(?:Unknown (?:layer|\w+ ?\w*): '?|Could not (?:locate|deserialize) (?:class|function) '|Received: layer=)"
    r"(\w+)(?:'| of type <class 'str'>|\b)"
)
"""How tf_keras' readers say that they do not know a class: legacy files, ``.keras`` files, and a layer of a sequential ``.keras`` file."""


def _reason(error: Exception, path: Path) -> ModelError:
    text = str(error).strip()
    unknown = _UNKNOWN.search(text)
    if unknown:
        return UnsupportedError(
            f"'{path}' needs the class '{unknown.group(1)}', which is defined in its author's code",
            expected="layers and quantizers of Keras 2, QKeras 0.9 and tensorflow-model-optimization's pruning",
            do="replace it by one of these, or take it off before saving",
        )
    first = text.splitlines()[0][:200] if text else type(error).__name__
    return ModelError(
        f"'{path}' could not be read as a Keras model ({first})",
        expected="a complete file saved by tf_keras or Keras 2 with layers of Keras or QKeras 0.9",
        do="save it again as .h5, or check that the copy is complete",
    )


def load_model(path: str | Path) -> Any:
    """Read a Keras or QKeras model (``.h5``, ``.keras`` or SavedModel folder), uncompiled, pruning wrappers still on.

    Raises:
        ModelError: the file is missing, damaged, of another format or of Keras 3.
        UnsupportedError: it holds a Lambda, or a class nobody knows.
    """
    path = Path(path)
    if not path.exists():
        raise ModelError(f"there is no model file '{path}'", expected="a .h5 or .keras file, or a SavedModel folder")
    try:
        _refuse_early(path)
        stack = load()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return stack.keras.models.load_model(str(path), custom_objects=custom_objects(), compile=False)
    except ModelError:
        raise
    except Exception as error:  # h5py, zipfile, Keras and TensorFlow each have their own
        raise _reason(error, path) from error


def training_config(path: str | Path) -> dict[str, Any]:
    """What a readable model file says of its training (loss, optimizer, metrics), without compiling; empty when it says nothing."""
    path = Path(path)
    if path.is_dir():
        root, _ = _saved_model_head(path)
        return root.get("training_config") or {}
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read("config.json")).get("compile_config") or {}
    import h5py

    with h5py.File(path, "r") as file:
        text = file.attrs.get("training_config")
    return json.loads(text.decode() if isinstance(text, bytes) else text) if text else {}


def save_model(model: Any, path: str | Path) -> Path:
    """Write a model as ``.h5`` (exact for QKeras), first to a neighbour file, then renamed, so no half file is ever left."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.stem + ".part.h5")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.save(str(partial), save_format="h5", include_optimizer=False)
        os.replace(partial, path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise ModelError(
            f"the model could not be saved as '{path}' ({error})", do="free disk space and start again; the run resumes"
        ) from error
    return path
