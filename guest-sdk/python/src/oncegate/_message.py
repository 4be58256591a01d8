"""What a handler is given."""

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from oncegate._depth import LIMIT, is_too_deep
from oncegate._errors import Reject


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_READER = json.JSONDecoder(parse_constant=_no_constant)


class Header(NamedTuple):
    """One header of a message."""

    name: str
    """The name as the producer wrote it. Names that begin with `oncegate-` are the host's own."""
    value: bytes
    """The value's bytes. Most producers write UTF-8; nothing guarantees it."""


@dataclass(slots=True)
class Message:
    """One delivery of a message. The same message may be delivered again, here or on another host."""

    id: str
    """The source's own identifier. It changes when a producer sends the same event again, so it is not a
    business key."""
    topic: str
    """The topic (stream, queue, subject) that the message was read from."""
    key: str | None
    """The producer's message key, if it set one: what brokers partition by."""
    headers: list[Header]
    """The producer's headers, in order. Names may repeat."""
    payload: bytes
    """The payload's exact bytes."""
    attempt: int
    """Which delivery of this message this is, as far as the source can tell: 1 for the first one."""
    published_ms: int | None
    """When the message was published, in milliseconds since 1970-01-01 UTC, if the source says so."""

    @property
    def text(self) -> str:
        """The payload as text. What is not UTF-8 is a `Reject`."""
        try:
            return self.payload.decode()
        except UnicodeDecodeError as error:
            raise Reject(f"payload: {error}") from error

    def json(self, **options: Any) -> Any:
        """The payload as JSON; the options are those of `json.JSONDecoder`.

        What cannot be read is a `Reject` with the position and the reason: it will not become readable by
        being delivered again. `NaN` and `Infinity`, which Python would read, are no JSON, and 256 lists and
        objects within each other are deep enough.
        """
        if is_too_deep(self.payload):
            raise Reject(f"payload: nested more than {LIMIT} deep")
        reader = _READER if not options else json.JSONDecoder(**{"parse_constant": _no_constant, **options})
        try:
            return reader.decode(self.text)
        except (ValueError, RecursionError) as error:
            raise Reject(f"payload: {error}") from error

    def header(self, name: str) -> bytes | None:
        """The value of the first header of this name, compared exactly."""
        return next((header.value for header in self.headers if header.name == name), None)
