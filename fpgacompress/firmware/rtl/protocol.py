"""What host and board say to each other over the serial line: commands, answers, checksum, identity.

The host sends ``command, tag, payload, checksum``; the board answers ``status, tag, body, checksum``. The checksum has two bytes, the high one
first, and covers all bytes before it. The tag is any byte; the board sends it back, so that an answer that comes late is not taken for that to another
question. :data:`IDENTIFY` has no payload and is answered by an :class:`Identity`; :data:`INFER` has one sample as its payload, and its body
is the result. A status other than :data:`DONE` has no body.

Whatever goes wrong while a command comes in (see :data:`TROUBLES`), the board lets the line fall silent for a tenth of a second, says what
it was, and is ready again; it never waits for the rest of a command longer than that.
"""

from __future__ import annotations

import struct
from binascii import crc_hqx
from dataclasses import astuple, dataclass

from ...errors import HardwareError

VERSION = 1
"""Of the protocol; the first byte of an identity."""

BAUD = 115_200
"""Bits per second on the line, where nothing else is asked for."""

FRAME_BITS = 10
"""Bits on the line for each byte: a start bit, eight data bits (the lowest first), a stop bit."""

IDENTIFY, INFER = 0x69, 0x96
DONE = 0x5A
FRAMING, CHECKSUM, BROKEN_OFF, UNKNOWN, CORE, CROSSED = range(0xE1, 0xE7)
TROUBLES = {
    FRAMING: "the board saw a byte without its stop bit: noise on the line, or another baud rate",
    CHECKSUM: "the board got a command whose checksum is wrong",
    BROKEN_OFF: "the command broke off before the board had all of it",
    UNKNOWN: "the board got a command that it does not know",
    CORE: "the network on the board gave no result in time",
    CROSSED: "bytes reached the board while it was answering",
}
"""What the other statuses mean."""

SUM_POLYNOMIAL, SUM_START = 0x1021, 0xFFFF
"""CRC-16 of ITU-T V.41 (x^16 + x^12 + x^5 + 1), started with ones. Over data with their own checksum it is 0."""

HEAD, TAIL = 2, 2
"""Bytes before a payload or a body, and behind it."""

_FIELDS = struct.Struct(">BIIII")


def checksum(data: bytes) -> bytes:
    """Two bytes, the high one first."""
    return crc_hqx(data, SUM_START).to_bytes(2, "big")


def frame(kind: int, tag: int, content: bytes = b"") -> bytes:
    """A command of the host, or an answer of the board.

    Args:
        kind: command or status.
        tag: 0 to 255.
        content: payload or body.
    """
    data = bytes((kind, tag)) + content
    return data + checksum(data)


@dataclass(frozen=True)
class Identity:
    """What a board tells of its design.

    Attributes:
        version: of the protocol.
        design: first 32 bits of a hash of the network and its ports.
        beat_bits: bits of the network's input port.
        beats: of one sample.
        output_bits: bits of the network's output port.
    """

    version: int
    design: int
    beat_bits: int
    beats: int
    output_bits: int

    SIZE = _FIELDS.size

    def pack(self) -> bytes:
        """The body of the answer to :data:`IDENTIFY`: one byte and four 32-bit numbers, their high bytes first."""
        return _FIELDS.pack(*astuple(self))

    @classmethod
    def unpack(cls, body: bytes) -> Identity:
        """Inverse of :meth:`pack`.

        Raises:
            HardwareError: another protocol.
        """
        found = cls(*_FIELDS.unpack(body))
        if found.version != VERSION:
            raise HardwareError(
                f"the board speaks version {found.version} of the protocol",
                expected=f"version {VERSION}",
                do="make the bitstream with this version of fpgacompress, or use the one that made it",
            )
        return found

    def __str__(self) -> str:
        return f"{self.design:08x} ({self.beats} x {self.beat_bits} bits in, {self.output_bits} bits out)"
