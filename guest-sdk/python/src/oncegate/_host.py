"""What the host gives to a handler: the real one in a component, that of `oncegate.testing` in a test.

Nothing else in this package knows which of the two it runs on.
"""

from contextvars import ContextVar
from typing import Protocol

from oncegate._message import Header
from oncegate._sighting import Sighting


class Host(Protocol):
    """The contract's functions. Refusals are raised as `Refused`."""

    def seen(self, key: str) -> Sighting:
        """Claims a key."""

    def commit(self, key: str, receipt: bytes | None) -> None:
        """Stages a key's commit."""

    def emit(self, topic: str, key: str | None, headers: list[Header], payload: bytes) -> None:
        """Stages an output."""

    def log(self, level: str, text: str) -> None:
        """Writes one line at one of the contract's five levels."""

    def config(self, name: str) -> str | None:
        """A value that the operator set."""


CURRENT: ContextVar[Host | None] = ContextVar("oncegate host", default=None)
"""The host of the delivery that is being handled."""


def current() -> Host:
    """The host, which is there while a delivery is handled and at no other time."""
    host = CURRENT.get()
    if host is None:
        raise RuntimeError("the host can be asked only while a message is handled")
    return host
