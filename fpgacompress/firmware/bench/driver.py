"""The host's side of the line: a command, its answer, and another try where one of them went wrong."""

from __future__ import annotations

import time
from collections.abc import Callable

from ...errors import HardwareError, ToolError
from ..rtl.protocol import (
    DONE,
    FRAME_BITS,
    HEAD,
    IDENTIFY,
    INFER,
    TAIL,
    TROUBLES,
    Identity,
    checksum,
    frame,
)
from .files import Bench
from .link import Link

QUIET_S = 0.2
"""Seconds without a byte until the line counts as silent; the board itself waits for a tenth of a second."""

NOISE_S = 5.0
"""Seconds after which a line that does not fall silent is given up."""

TRIES, TIMEOUT_S = 3, 2.0


class _Failed(Exception):
    """One try went wrong; says how."""


class Driver:
    """A board with one design, at the other end of a line.

    Args:
        link: an open serial port.
        bench: the design that the board should hold.
        tries: for each command, before it is given up.
        timeout: seconds to wait for an answer, besides the time that the bytes take on the line.
        say: told of each try that went wrong.

    Attributes:
        failures: what went wrong and was tried again, in plain words.
    """

    def __init__(
        self,
        link: Link,
        bench: Bench,
        *,
        tries: int = TRIES,
        timeout: float = TIMEOUT_S,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._link, self.bench, self._tries, self._timeout, self._say = link, bench, tries, timeout, say
        self._tag = 0
        self.failures: list[str] = []

    def connect(self) -> Identity:
        """Make sure that the board holds the design.

        Raises:
            ToolError: no board of ours answers.
            HardwareError: it holds another design.
        """
        bench = self.bench
        self._silence()
        found = Identity.unpack(self._ask(IDENTIFY, b"", Identity.SIZE))
        if found != bench.identity:
            raise HardwareError(
                f"the board holds another design: {found}",
                expected=f"{bench.identity}, the network '{bench.network}'",
                do=f"load {bench.project / bench.bitstream} into the board, or name the project whose bitstream it holds",
            )
        return found

    def infer(self, payload: bytes) -> bytes:
        """The body of the answer to one sample.

        Args:
            payload: as :class:`~fpgacompress.firmware.bench.layout.Values` packs it.

        Raises:
            ToolError: every try failed.
        """
        return self._ask(INFER, payload, self.bench.core.answer_bytes)

    def _ask(self, command: int, payload: bytes, size: int) -> bytes:
        reasons: list[str] = []
        for number in range(self._tries):
            try:
                if number:
                    self._silence()
                return self._try(command, payload, size)
            except _Failed as error:
                reasons.append(str(error))
                self.failures.append(str(error))
                self._say(f"try {number + 1} of {self._tries} failed: {error}")
        raise ToolError(
            f"no right answer from the board in {self._tries} tries: {'; '.join(dict.fromkeys(reasons))}",
            expected=f"a board with {self.bench.bitstream} at {self.bench.baud} baud",
            do=f"check that the bitstream is loaded, and the port: {self.bench.serial}",
        )

    def _try(self, command: int, payload: bytes, size: int) -> bytes:
        self._tag = (self._tag + 1) % 256
        sent = frame(command, self._tag, payload)
        self._link.write(sent)
        on_line = FRAME_BITS * (len(sent) + HEAD + size + TAIL) / self.bench.baud
        deadline = time.monotonic() + self._timeout + on_line
        head = self._read(HEAD, deadline)
        if not head:
            raise _Failed(f"no answer within {self._timeout + on_line:.3g} s")
        if len(head) == HEAD and head[0] in TROUBLES and self._read(TAIL, deadline) == checksum(head):
            raise _Failed(TROUBLES[head[0]])
        if head[0] != DONE:
            raise _Failed(f"what came back is no answer of such a design; it begins with 0x{head[0]:02x}")
        rest = self._read(size + TAIL, deadline)
        if len(head + rest) < HEAD + size + TAIL:
            raise _Failed(f"the answer broke off after {len(head + rest)} of {HEAD + size + TAIL} bytes")
        if checksum(head + rest[:size]) != rest[size:]:
            raise _Failed("the checksum of the answer is wrong")
        if head[1] != self._tag:
            raise _Failed("the answer belongs to an earlier command")
        return rest[:size]

    def _read(self, size: int, deadline: float) -> bytes:
        """Bytes that come before the deadline, at most ``size``."""
        data = b""
        while len(data) < size:
            data += self._link.read(size - len(data))
            if time.monotonic() > deadline:
                break
        return data

    def _silence(self) -> None:
        """Throw away what comes until nothing has come for :data:`QUIET_S`."""
        begun = last = time.monotonic()
        while time.monotonic() - last < QUIET_S:
            if self._link.read(4096):
                last = time.monotonic()
            if last - begun > NOISE_S:
                raise ToolError(
                    "the line does not fall silent: something sends without end",
                    expected="a board with a design of fpgacompress, which sends only when it is asked",
                    do=f"check the port: {self.bench.serial}",
                )
