"""Lines for the operator, by Python's own `logging`."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from oncegate import _host
from oncegate._text import fit

TRACE = 5
"""The level below `logging.DEBUG`, which Python has no name for: `logging.log(TRACE, "text")`."""

logging.addLevelName(TRACE, "TRACE")


class HostHandler(logging.Handler):
    """Writes records to the log of the host whose message is being handled.

    The host escapes and cuts the lines, and beyond its limit drops and counts them.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Writes one record."""
        host = _host.CURRENT.get()
        if host is None:
            return
        try:
            text = self.format(record)
        except Exception:
            self.handleError(record)
        else:
            host.log(level(record.levelno), fit(text))


@contextmanager
def delivering() -> Iterator[None]:
    """While it lasts, everything that is logged goes to the host, too."""
    root = logging.getLogger()
    handler, before = HostHandler(), root.level
    root.addHandler(handler)
    if before == logging.WARNING:
        # Python's default. What is written is for the host to choose.
        root.setLevel(logging.NOTSET)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)


def level(number: int) -> str:
    """The contract's level for a number of Python's."""
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    if number >= logging.INFO:
        return "info"
    return "debug" if number >= logging.DEBUG else "trace"
