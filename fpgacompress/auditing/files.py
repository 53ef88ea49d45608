"""What lies in and beside a model file: the model, the loss it was trained with, the preprocessing, the hls4ml configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError, ModelError
from ..integer.types import FixedType


@dataclass(frozen=True)
class Loss:
    """The task loss a model was compiled with.

    Attributes:
        name: as Keras names it.
        from_logits: whether it says that the model ends in logits.
        config: what Keras' deserializer takes.
    """

    name: str
    from_logits: bool
    config: Any


@dataclass(frozen=True)
class Opened:
    """A model with what was found beside it."""

    model: Any
    name: str
    loss: Loss | None
    input_type: FixedType | None
    preprocessing: Any
    notes: tuple[str, ...]


def _model_path(path: Path) -> tuple[Path, str | None]:
    """The file that holds the model: the path itself, a run folder's student, or a published ``student.h5``."""
    if not path.is_dir() or (path / "saved_model.pb").exists():
        return path, None
    if (path / "figures.json").is_file():
        from ..run import load_figures

        artifact = Path(load_figures(path).get("artifacts", {}).get("student", ""))
        for folder in (artifact, path / "artifacts" / artifact.name):
            if (folder / "model.h5").is_file():
                return folder / "model.h5", f"student of the run '{path}'"
    if (path / "student.h5").is_file():
        return path / "student.h5", None
    raise ModelError(
        f"the folder '{path}' holds no model",
        expected="a SavedModel, the folder of a finished run, or a folder with student.h5",
        do="give the model file itself",
    )


def _run_preprocessing(path: Path) -> Any:
    from ..data import Preprocessing
    from ..run import load_figures

    if path.is_dir() and (path / "figures.json").is_file():
        tree = load_figures(path).get("data", {}).get("preprocessing")
        return Preprocessing.from_json(tree) if tree else None
    folder = path if path.is_dir() else path.parent
    return Preprocessing.load(folder) if (folder / "preprocessing.json").is_file() else None


def _loss(config: Any) -> Loss | None:
    """A loss from a stored or live training configuration: a name, a dictionary, an object, or a list of one of them."""
    if isinstance(config, (list, tuple)) and len(config) == 1:
        return _loss(config[0])
    if isinstance(config, str):
        return Loss(config, False, config)
    if isinstance(config, dict) and "class_name" in config:
        inner = config.get("config")
        if isinstance(inner, str):  # a function: {"class_name": "function", "config": "mse"}
            return Loss(inner, False, inner)
        plain = {"class_name": config["class_name"], "config": inner}
        return Loss(config["class_name"], bool((inner or {}).get("from_logits", False)), plain)
    if hasattr(config, "get_config"):
        inner = config.get_config()
        return Loss(type(config).__name__, bool(inner.get("from_logits", False)), {"class_name": type(config).__name__, "config": inner})
    return Loss(config.__name__, False, config) if hasattr(config, "__name__") else None


def open_model(model: Any) -> Opened:
    """Read what is to be audited.

    Args:
        model: a Keras model, or a path: ``.h5``, ``.keras``, SavedModel, run folder, or a folder with ``student.h5``.

    Raises:
        ModelError: there is no model that can be read.
    """
    if not isinstance(model, (str, Path)):
        if not hasattr(model, "layers"):
            raise ModelError(f"a {type(model).__name__} was given to audit", expected="a Keras model or the path of one")
        return Opened(model, model.name, _loss(getattr(model, "loss", None)), None, None, ())
    from ..keras_stack import load_model, training_config

    path = Path(model)
    file, note = _model_path(path)
    loaded = load_model(file)
    loss = _loss(training_config(file).get("loss"))
    preprocessing = _run_preprocessing(path)
    notes = [note] if note else []
    notes.append(f"loss in the file: {loss.name}, from_logits={loss.from_logits}" if loss else "the file holds no training configuration")
    return Opened(loaded, str(path), loss, preprocessing.input_type if preprocessing else None, preprocessing, tuple(notes))


def read_hls_config(config: Any) -> dict[str, Any]:
    """An hls4ml configuration: a dictionary, or a YAML or JSON file; ``HLSConfig`` is taken out where it is inside.

    Raises:
        DataError: unreadable, or without ``Model`` and ``LayerName``.
    """
    where = "the hls4ml configuration"
    if isinstance(config, (str, Path)):
        import yaml

        where = str(config)
        try:
            config = yaml.load(Path(config).read_text(), Loader=_tolerant())
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            raise DataError(f"{where} cannot be read ({str(error).splitlines()[0]})", expected="an hls4ml YAML or JSON file") from None
    inner = config.get("HLSConfig", config) if isinstance(config, dict) else None
    if not isinstance(inner, dict) or not ({"Model", "LayerName", "LayerType"} & set(inner)):
        raise DataError(f"{where} is no hls4ml configuration", expected="the keys Model or LayerName, or HLSConfig around them")
    return inner


def _tolerant() -> Any:
    """YAML's safe loader that reads tags of others (hls4ml writes ``!keras_model``) as their plain text."""
    import yaml

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_multi_constructor("!", lambda loader, suffix, node: getattr(node, "value", None))
    return Loader
