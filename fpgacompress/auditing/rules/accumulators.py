"""Sums that do not fit where people put them: hls4ml's default type, and TensorFlow's float32."""

from __future__ import annotations

from collections.abc import Iterator

from ...integer.intervals import inexact_in_float32
from ..report import Finding
from ..rule import counted, rule, share
from ..subject import Subject


@rule("accumulator", "network")
def accumulator(subject: Subject) -> Iterator[Finding]:
    """The exact sum of a layer does not fit hls4ml's default type."""
    for row in subject.accumulators.values():
        over = max(row.exact.integer + (not row.exact.signed) - row.usual.integer, 0) if row.usual_overflows else 0
        lost = row.usual_lost_bits
        if not over and not lost:
            continue
        seen = subject.measured.sums.get(row.layer) if subject.measured else None
        beyond = seen.outside_default / seen.values if seen else 0.0
        foreign = seen is not None and (seen.low < row.low or seen.high > row.high)
        missing = [counted(number, noun) for number, noun in ((over, "integer bit"), (lost, "fractional bit")) if number]
        yield Finding(
            "accumulator",
            "warning" if beyond else "note",
            row.layer,
            f"the exact sum needs {row.exact}; {row.usual}, hls4ml's default, lacks {' and '.join(missing)}"
            + (f"; {share(beyond)} of the sums on the data wrap" if beyond else "")
            + (f" (exact for inputs in {subject.input_type}; the data are not)" if foreign else ""),
            f"write accum {row.exact}, or leave it on 'auto'; fpgacompress' firmware does",
            {"exact": str(row.exact), "integer_bits_over": over, "fraction_bits_lost": lost, "outside": beyond},
        )


@rule("float32-inexact", "network")
def float32_inexact(subject: Subject) -> Iterator[Finding]:
    """Sums of more than 24 bits: TensorFlow's float32 rounds them, so QKeras itself is not exact."""
    for name, bits in inexact_in_float32(subject.network, subject.ranges).items():
        yield Finding(
            "float32-inexact",
            "warning",
            name,
            f"sums may need {bits} bits, float32 holds 24: Keras' own results depend on the order of addition",
            "fewer fractional bits in the input, the weights or the bias",
            {"bits": bits},
        )


@rule("not-lowerable")
def not_lowerable(subject: Subject) -> Iterator[Finding]:
    """No exact integer form, with the reason."""
    error = subject.refusal
    if error is not None:
        yield Finding(
            "not-lowerable",
            "error",
            None,
            f"the model has no exact integer form: {error.received}" + (f"; expected: {error.expected}" if error.expected else ""),
            error.do or "replace what is named",
            {"received": error.received},
        )
