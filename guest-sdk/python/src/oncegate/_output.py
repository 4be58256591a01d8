"""What a handler makes happen."""

import json as codec
from collections.abc import Iterable, Mapping
from typing import Any

from oncegate import _host
from oncegate._errors import OutputRefused, Reject
from oncegate._message import Header
from oncegate._text import Data, has_lone_surrogate, to_bytes

Headers = Mapping[str, Data] | Iterable[tuple[str, Data]]
"""Headers of an output: names to values, or pairs of them, whose names may repeat."""

ABSENT: Any = object()
"""What was not given. None is JSON, too."""

_WRITER = codec.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def emit(
    topic: str,
    payload: Data | None = None,
    *,
    json: Any = ABSENT,
    key: str | None = None,
    headers: Headers = (),
) -> None:
    """Stages one output to a topic, which the operator must have allowed: bytes, text, or any value as JSON.

    It is applied when the handler returns, and belongs to the key that was most recently new: without that
    key's commit the host does not apply it. Inside `once` that is so by itself.

    The key is the output's message key, by which brokers choose a partition. What the host refuses is raised
    as `OutputRefused`; what cannot be written as JSON is a `Reject`.
    """
    _host.current().emit(
        _name("topic", topic),
        None if key is None else _name("key", key),
        to_headers(headers),
        to_payload(payload, json),
    )


def to_payload(payload: Data | None, json: Any) -> bytes:
    """The payload's bytes; JSON without spaces, and with all characters as they are."""
    if json is ABSENT:
        return b"" if payload is None else to_bytes("a payload", payload)
    if payload is not None:
        raise TypeError("a payload or json, not both")
    try:
        return _WRITER.encode(json).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Reject(f"JSON: {error}") from error


def to_headers(headers: Headers) -> list[Header]:
    """The headers as the host takes them."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [Header(_name("header name", name), to_bytes("a header's value", value)) for name, value in pairs]


def _name(what: str, name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"a {what} is a str, not {type(name).__name__}")
    if has_lone_surrogate(name):
        raise OutputRefused("invalid", f"the {what} holds a lone surrogate")
    return name
