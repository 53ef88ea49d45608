"""``audit``: read a model, look at it with every rule, report."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..data.samples import Samples, read_samples
from ..errors import DataError
from ..integer.accumulators import USUAL
from ..integer.types import FixedType
from ..lower.inputs import checked_data
from .files import Opened, open_model, read_hls_config
from .report import SEVERITIES, AuditReport, Finding
from .rule import MISSING, RULES
from .subject import Subject


def _shape(model: Any) -> tuple[int, ...]:
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or None in shape[1:]:
        raise DataError(f"model '{model.name}' has no single known input shape, so data cannot be given to it", do="audit it without data")
    return tuple(shape[1:])


def _samples(source: Any, opened: Opened, data_dir: Any) -> Samples:
    """Numbers of the model's input shape; of a data set the validation split, never the test split."""
    shape = _shape(opened.model)
    found = read_samples(source, shape, split="validation", preprocessing=opened.preprocessing, data_dir=data_dir)
    return replace(found, x=checked_data(found.x, shape))


def _hls_input_type(hls: dict[str, Any] | None, model: Any) -> FixedType | None:
    """Type of the input layer in an hls4ml configuration."""
    names = {str(n).lower() for n in getattr(model, "input_names", None) or ()}
    for name, place in ((hls or {}).get("LayerName") or {}).items():
        precision = place.get("Precision") if str(name).lower() in names and isinstance(place, dict) else None
        precision = precision.get("result", precision.get("default")) if isinstance(precision, dict) else precision
        with contextlib.suppress(ValueError):
            if precision:
                return FixedType.parse(str(precision))
    return None


def _input_type(given: FixedType | str | None, opened: Opened, data: Samples | None, hls: dict[str, Any] | None) -> tuple[FixedType, str]:
    if given is not None:
        try:
            return (given if isinstance(given, FixedType) else FixedType.parse(str(given))), "as given"
        except ValueError as error:
            raise DataError(f"input type: {error}", expected="a type such as fixed<16,6> or ufixed<8,0>") from None
    from_hls = _hls_input_type(hls, opened.model)
    if from_hls is not None:
        return from_hls, "from the hls4ml configuration"
    if opened.input_type is not None:
        return opened.input_type, "from the model's preprocessing"
    if data is not None and data.type is not None:
        return data.type, "from the data set's preprocessing"
    return USUAL, "no type was given: hls4ml's default"


def audit(
    model: Any,
    data: Any = None,
    *,
    teacher: Any = None,
    input_type: FixedType | str | None = None,
    deployed: Any = None,
    hls_config: Any = None,
    temperature: float = 10.0,
    data_dir: str | Path | None = None,
) -> AuditReport:
    """What is wrong with a Keras or QKeras model, before any hardware is built.

    Args:
        model: a Keras model or a path (``.h5``, ``.keras``, SavedModel, run folder, folder with ``student.h5``); it need not be one that
            can be lowered.
        data: what the model gets: array, ``(x, y)``, .npz/.npy/.csv path, or name of a data set (its validation split, preprocessed).
        teacher: the model it was distilled from, or its path.
        input_type: type of the hardware's input; default: from the hls4ml configuration, the model's or the data's preprocessing, else fixed<16,6>.
        deployed: what the board will see, in the same forms as ``data``.
        hls_config: an hls4ml configuration (dictionary, YAML or JSON file).
        temperature: of the distillation, for its numbers.
        data_dir: folder searched first for named data sets.

    Returns:
        Tables and findings; ``report.sound`` is False when a finding is an error.

    Raises:
        ModelError: the model cannot be read.
        DataError: data, configuration or type cannot be read, or do not fit the model.
    """
    if not temperature > 0:
        raise DataError(f"temperature {temperature}", expected="a number above 0")
    opened = open_model(model)
    hls = None if hls_config is None else read_hls_config(hls_config)
    named, told = {"data": data, "deployed": deployed}, {}
    for name, source in named.items():
        told[name] = None if source is None else _samples(source, opened, data_dir)
    type, origin = _input_type(input_type, opened, told["data"], hls)
    subject = Subject(
        opened.model,
        opened.loss,
        type,
        origin,
        **told,
        teacher=None if teacher is None else open_model(teacher).model,
        hls=hls,
        temperature=temperature,
    )
    findings, skipped = look(subject)
    notes = [*opened.notes, *(f"{name}: {samples.origin}" for name, samples in told.items() if samples)]
    return AuditReport(
        model=opened.name,
        input_type=str(type),
        input_origin=origin,
        lowers=str(subject.refusal) if subject.refusal else None,
        layers=tuple(subject.rows),
        activations=tuple(site.row() for site in subject.measured.sites.values()) if subject.measured else (),
        findings=tuple(findings),
        notes=tuple(notes),
        not_checked=skipped,
    )


def look(subject: Subject) -> tuple[list[Finding], dict[str, str]]:
    """Every rule on one subject: findings, worst first and in the order of the layers; and the rules that miss something."""
    findings: list[Finding] = []
    skipped: dict[str, str] = {}
    for name in RULES.names():
        rule = RULES.get(name)
        missing = next((text for need in rule.needs if (text := MISSING[need](subject))), None)
        if missing:
            skipped[name] = missing
        else:
            findings.extend(rule.look(subject))
    order = {None: -1} | {layer.name: place for place, layer in enumerate(subject.layers)}
    findings.sort(key=lambda f: (SEVERITIES.index(f.severity), f.rule, order.get(f.layer, len(order))))
    return findings, skipped
