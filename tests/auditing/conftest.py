"""The published models and their audits, made once."""

from __future__ import annotations

import pytest

from fpgacompress.auditing import audit

from . import published


@pytest.fixture(scope="session")
def fashion_qat():
    return audit(published.fashion_qat(), published.clothes())


@pytest.fixture(scope="session")
def binary_qap():
    return audit(published.binary_qap(), published.clothes(classes=(1, 9)))


@pytest.fixture(scope="session")
def gamma():
    """The γ/n student with its teacher, its raw pulses, its forced configuration, and a board that scales by 256."""
    student = published.gamma_student()
    x, y = published.pulses()
    return audit(
        student,
        (x, y),
        teacher=published.gamma_teacher(),
        hls_config=published.gamma_hls_config(student),
        deployed=256 * x,
        temperature=9,
    )
