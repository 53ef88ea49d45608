"""Serial ports, by pyserial."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any, Protocol

from ...errors import ToolError

STEP_S, WRITE_S = 0.05, 30.0
"""Seconds that one reading, and one writing, waits at most."""


class Link(Protocol):
    """What the driver asks of a serial port."""

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; fewer where no more come within :data:`STEP_S`."""

    def write(self, data: bytes) -> None:
        """Send bytes."""


class SerialPort:
    """A serial port with 8 data bits, no parity and 1 stop bit, for nobody else while it is open. A context manager.

    Args:
        port: "/dev/ttyUSB1", "COM5", a pseudo-terminal.
        baud: bits per second.

    Raises:
        ToolError: pyserial is missing, or the port is not there, in use, not allowed; also from reading and writing, when the port goes away.
    """

    def __init__(self, port: str, baud: int) -> None:
        try:
            import serial
        except ImportError:
            raise ToolError("pyserial, which opens serial ports, is not there", do="pip install 'fpgacompress[board]'") from None
        self._name = port
        try:
            self._port = serial.Serial(port, baud, timeout=STEP_S, write_timeout=WRITE_S, exclusive=True)
        except (OSError, ValueError) as error:  # pyserial's own errors are OSErrors
            raise _not_opened(port, baud, error) from None

    def __enter__(self) -> SerialPort:
        return self

    def __exit__(self, *error: object) -> None:
        self._port.close()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; fewer where no more come within :data:`STEP_S`."""
        return self._used(self._port.read, size)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._used(self._port.write, data)

    def _used(self, action: Callable[[Any], Any], argument: Any) -> Any:
        try:
            return action(argument)
        except OSError as error:
            raise ToolError(f"the serial port '{self._name}' went away ({error})", do="plug the board in again") from None


def _not_opened(port: str, baud: int, error: Exception) -> ToolError:
    """What a person reads when a port cannot be opened."""
    from serial.tools import list_ports

    number = getattr(error, "errno", None)
    there = ", ".join(sorted(found.device for found in list_ports.comports())) or "none is there"
    if number == errno.ENOENT:
        return ToolError(f"there is no serial port '{port}'", expected=f"one of: {there}", do="plug the board in, or name its port")
    if number == errno.EACCES:
        return ToolError(f"the serial port '{port}' may not be opened by you", do="add yourself to its group: sudo adduser $USER dialout")
    if number in (errno.EBUSY, errno.EAGAIN):
        return ToolError(f"the serial port '{port}' is in use by another program", do="close that program")
    return ToolError(f"'{port}' could not be opened at {baud} baud ({error})", expected=f"a serial port, one of: {there}")
