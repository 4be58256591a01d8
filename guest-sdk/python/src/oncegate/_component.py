"""The real host, as the generated bindings give it. Imported in a component only."""

# A component has no files: what the standard library imports when it is first needed has to be there before.
import _strptime  # noqa: F401
import encodings.ascii  # noqa: F401
import encodings.cp1252  # noqa: F401
import encodings.latin_1  # noqa: F401
import encodings.utf_8_sig  # noqa: F401
import encodings.utf_16  # noqa: F401
import gc
import logging
import sys
from typing import Any

from componentize_py_types import Err
from wit_world.imports import config, dedup, log, output, types

from oncegate._entry import Handle, run
from oncegate._errors import KeyRefused, OutputRefused
from oncegate._log import HostHandler
from oncegate._message import Header, Message
from oncegate._sighting import Duplicate, InFlight, New, Sighting

_NEW = New()
_LEVELS = {name.lower(): level for name, level in log.Level.__members__.items()}

_KEY_REFUSALS = {
    dedup.Refusal_InvalidKey: "invalid-key",
    dedup.Refusal_NotClaimed: "not-claimed",
    dedup.Refusal_Mismatch: "mismatch",
    dedup.Refusal_Dead: "dead",
    dedup.Refusal_TooManyKeys: "too-many-keys",
    dedup.Refusal_ReceiptTooLarge: "receipt-too-large",
    dedup.Refusal_Unavailable: "unavailable",
}

_OUTPUT_REFUSALS = {
    output.Refusal_TopicNotAllowed: "topic-not-allowed",
    output.Refusal_Invalid: "invalid",
    output.Refusal_TooMany: "too-many",
    output.Refusal_TooLarge: "too-large",
}


class ComponentHost:
    """The contract's functions as the SDK has them."""

    def seen(self, key: str) -> Sighting:
        try:
            sighting = dedup.seen(key)
        except Err as error:
            raise _key_refused(error.value) from None
        if isinstance(sighting, dedup.Sighting_New):
            return _NEW
        if isinstance(sighting, dedup.Sighting_Duplicate):
            return Duplicate(sighting.value)
        return InFlight(sighting.value)

    def commit(self, key: str, receipt: bytes | None) -> None:
        try:
            if receipt is None:
                dedup.commit(key)
            else:
                dedup.commit_with(key, receipt)
        except Err as error:
            raise _key_refused(error.value) from None

    def emit(self, topic: str, key: str | None, headers: list[Header], payload: bytes) -> None:
        # The bindings copy every list of bytes and never free the copy: a payload goes through them once.
        try:
            output.emit(topic, key, headers, payload)
        except Err as error:
            refusal = error.value
            raise OutputRefused(_OUTPUT_REFUSALS[type(refusal)], getattr(refusal, "value", None)) from None

    def log(self, level: str, text: str) -> None:
        log.log(_LEVELS[level], text)

    def config(self, name: str) -> str | None:
        value: str | None = config.get(name)
        return value


def _key_refused(refusal: Any) -> KeyRefused:
    return KeyRefused(_KEY_REFUSALS[type(refusal)], getattr(refusal, "value", None))


def export(handle: Handle) -> type:
    """The class that the tool makes an instance of, once the user's module is imported."""
    host = ComponentHost()
    failures = {"retry": types.Failure_Retry, "reject": types.Failure_Reject}

    class WitWorld:
        def __init__(self) -> None:
            root = logging.getLogger()
            root.addHandler(HostHandler())
            if root.level == logging.WARNING:
                # Python's default. What is written is for the host to choose.
                root.setLevel(logging.NOTSET)
            _warm_up()

        def handle(self, message: Any) -> None:
            failure = run(handle, _message(message), host)
            if failure is not None:
                raise Err(failures[failure.end](failure.reason))

    return WitWorld


def _message(raw: Any) -> Message:
    return Message(
        raw.id,
        raw.topic,
        raw.key,
        [Header(header.name, header.value) for header in raw.headers],
        raw.payload,
        raw.attempt,
        raw.published_ms,
    )


def _warm_up() -> None:
    """The last that is done before the component's memory is stored."""
    try:
        raise ValueError("shown once, so that everything that shows an error is imported")
    except ValueError:
        logging.Formatter().formatException(sys.exc_info())
    # What is there now stays, and no instance has to look through it.
    gc.collect()
    gc.freeze()
