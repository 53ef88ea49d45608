"""Teachers and students by name. Every model here is a float tf_keras model that ends in logits; quantize/ makes the QKeras student of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import ModelError
from ..registry import Registry, nearest

Builder = Callable[..., Any]
MODELS: Registry[Builder] = Registry("model", "fpgacompress.zoo.models", "fpgacompress.models")


def build(name: str, input_shape: tuple[int, ...], classes: int, options: dict[str, Any] | None = None) -> Any:
    """Build a float model by name.

    Args:
        name: a registered name (``mlp``, ``cnn``, ``resnet8``, ``resnet``, ``mobilenet``, ``cnn1d``, or a third party's).
        input_shape: shape of one sample as the data set delivers it, for example ``(28, 28)``; the model reshapes as it needs.
        classes: number of classes; the model ends in so many logits.
        options: keyword arguments of the model's builder.

    Returns:
        An uncompiled tf_keras model with input ``(batch, *shape)`` float32 and output ``(batch, classes)`` float32 logits.

    Raises:
        ModelError: an option the builder does not have, or a shape it cannot take.
    """
    import inspect

    builder = MODELS.get(name)
    options = dict(options or {})
    known = [p for p in inspect.signature(builder).parameters if p not in ("input_shape", "classes")]
    for option in options:
        if option not in known:
            raise ModelError(f"model '{name}' has no option '{option}'", expected=f"{nearest(option, known)}one of {', '.join(known)}")
    for option, value in options.items():
        for number in value if isinstance(value, (list, tuple)) else (value,):
            fraction = option == "dropout"
            if isinstance(number, bool) or not isinstance(number, (int, float)):
                continue
            if not (0 <= number < 1 if fraction else number >= 1):
                expected = "at least 0 and below 1" if fraction else "whole numbers of at least 1"
                raise ModelError(f"option '{option}' of model '{name}' is {value}", expected=expected)
    try:
        return builder(input_shape, classes, **options)
    except (TypeError, ValueError) as error:
        raise ModelError(f"model '{name}' cannot be built for input {input_shape} with {options} ({str(error).splitlines()[0]})") from error
