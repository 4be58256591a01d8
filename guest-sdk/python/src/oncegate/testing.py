"""A small host in memory, so that a handler is tested by Python's own test runner, without a component.

    from oncegate.testing import Host, message

    host = Host()
    for _ in range(2):
        assert host.deliver(handle, message(json={"order_id": "o-1", "item": "lamp"})).end == "applied"
    assert len(host.outputs) == 1

It keeps the contract's promises for one handler at a time, by the real host's rules and with its limits: what
an invocation staged is applied together when it returns and not at all otherwise, an output needs the commit
of its key, a delivery that met a key in flight is deferred, and a dead letter leaves the keys that it claimed
dead. It has no leases and counts no attempts: what asked for a retry may do so for ever.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from oncegate._entry import Handle, run
from oncegate._errors import KeyRefused, OutputRefused
from oncegate._log import delivering
from oncegate._message import Header, Message
from oncegate._output import ABSENT, Headers, to_headers, to_payload
from oncegate._sighting import Duplicate, InFlight, New, Sighting
from oncegate._text import Data

__all__ = ["Delivery", "End", "Host", "Limits", "LogLine", "Output", "message"]

End = Literal["applied", "deferred", "retry", "reject", "mismatch", "dead", "effect-without-commit"]
"""How a delivery ends: what was staged is applied; the delivery is made again later and uses up no attempt; it
is made again; or it goes to the dead letters, for one of four causes."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the host allows one invocation. The defaults are the real host's."""

    keys: int = 64
    """How many keys it may name."""
    key_bytes: int = 1024
    """How long a key may be."""
    receipt_bytes: int = 65_536
    """How long a receipt may be."""
    outputs: int = 1000
    """How many outputs it may emit."""
    output_bytes: int = 1_048_576
    """How many bytes its outputs may have together, names included."""
    output_headers: int = 64
    """How many headers an output may have."""
    output_name_bytes: int = 1024
    """How long a topic, an output's key or a header's name may be."""


@dataclass(frozen=True, slots=True)
class Output:
    """One output."""

    topic: str
    """The topic it was emitted to."""
    key: str | None
    """Its message key."""
    headers: list[Header]
    """Its headers, in order."""
    payload: bytes
    """Its payload's bytes."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that was logged."""

    level: str
    """`trace`, `debug`, `info`, `warn` or `error`."""
    text: str
    """The text, as it was written."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a delivery."""

    end: End
    """How it ended."""
    reason: str | None
    """Why it was not applied."""
    staged: list[Output]
    """What was emitted, whatever the end, unless the handler failed."""
    log: list[LogLine]
    """What was logged."""
    error: BaseException | None
    """What the handler raised, for a test that fails to show where."""


def message(
    payload: Data | None = None,
    *,
    json: Any = ABSENT,
    id: str = "test:0",
    topic: str = "test",
    key: str | None = None,
    headers: Headers = (),
    attempt: int = 1,
    published_ms: int | None = None,
) -> Message:
    """A message: by default the first delivery of it, without key, headers or time."""
    return Message(id, topic, key, to_headers(headers), to_payload(payload, json), attempt, published_ms)


@dataclass(frozen=True, slots=True)
class _Committed:
    receipt: bytes | None
    payload: bytes | None


@dataclass(frozen=True, slots=True)
class _Dead:
    reason: str
    origin: tuple[str, str] | None
    """The delivery that died, by topic and id; none if the key was planted."""


@dataclass(frozen=True, slots=True)
class _Verdict:
    end: End
    reason: str | None
    death: str | None = None
    """What the keys that the delivery claimed are dead for from now on, if they are."""


class Host:
    """The host: what it is set to, and what it remembers between deliveries."""

    def __init__(
        self,
        *,
        topics: Iterable[str] | None = None,
        outputs: Literal["gated", "free"] = "gated",
        limits: Limits | None = None,
        config: Mapping[str, str] | None = None,
    ) -> None:
        """A host that has seen nothing.

        The topics are those that the handler may emit to, by default any; `free` outputs need no commit.
        """
        self.topics = None if topics is None else frozenset(topics)
        self.gated = outputs == "gated"
        self.limits = limits or Limits()
        self.config = dict(config or {})
        """What `config` answers."""
        self.store_down = False
        """Whether the store does not answer."""
        self.outputs: list[Output] = []
        """All outputs that were applied, oldest first."""
        self.log: list[LogLine] = []
        """All lines that were logged, also by invocations that failed, oldest first."""
        self._keys: dict[str, _Committed | InFlight | _Dead] = {}

    def committed(self, key: str, receipt: bytes | None = None, payload: bytes | None = None) -> None:
        """Makes the key one that was committed: a mismatch to every other payload, if one is given."""
        self._keys[key] = _Committed(receipt, payload)

    def in_flight(self, key: str, left_ms: int = 1000) -> None:
        """Makes the key one that another delivery holds."""
        self._keys[key] = InFlight(left_ms)

    def dead(self, key: str, reason: str = "given up") -> None:
        """Makes the key one that was given up."""
        self._keys[key] = _Dead(reason, None)

    def forget(self, key: str) -> None:
        """Makes the key new again."""
        self._keys.pop(key, None)

    def is_committed(self, key: str) -> bool:
        """Whether the key is committed."""
        return isinstance(self._keys.get(key), _Committed)

    def receipt(self, key: str) -> bytes | None:
        """The receipt of a committed key, if it has one."""
        known = self._keys.get(key)
        return known.receipt if isinstance(known, _Committed) else None

    def deliver(self, handle: Handle, message: Message) -> Delivery:
        """Hands one message to a handler and applies what it staged, if it may be applied.

        If it would go to the dead letters, the keys that it claimed are dead from now on.
        """
        invocation = _Invocation(self, (message.topic, message.id), message.payload)
        with delivering():
            failure = run(handle, message, invocation)
        self.log += invocation.lines
        verdict = invocation.verdict(failure and (failure.end, failure.reason))
        if verdict.end == "applied":
            for key, receipt in invocation.commits.items():
                self._keys[key] = _Committed(receipt, message.payload)
            self.outputs += (output for _, output in invocation.outputs)
        if verdict.death is not None:
            for key in invocation.claimed():
                self._keys[key] = _Dead(verdict.death, invocation.origin)
        staged = [] if failure else [output for _, output in invocation.outputs]
        return Delivery(verdict.end, verdict.reason, staged, invocation.lines, failure and failure.error)


@dataclass
class _Invocation:
    """One call of a handler: what it was told and what it staged."""

    host: Host
    origin: tuple[str, str]
    payload: bytes
    known: dict[str, Sighting | KeyRefused] = field(default_factory=dict)
    """The answer to each key that was asked for."""
    fatal: _Verdict | None = None
    """What the first answer that ended the delivery has made of it."""
    last_new: str | None = None
    """The key that was answered `New` last."""
    too_many_keys: bool = False
    commits: dict[str, bytes | None] = field(default_factory=dict)
    outputs: list[tuple[str | None, Output]] = field(default_factory=list)
    """Each with the key that it belongs to, if one was new before it."""
    output_bytes: int = 0
    lines: list[LogLine] = field(default_factory=list)

    def seen(self, key: str) -> Sighting:
        self._check_key(key)
        if key in self.commits:
            return Duplicate(self.commits[key])
        if key not in self.known:
            if len(self.known) >= self.host.limits.keys:
                self.too_many_keys = True
                raise KeyRefused("too-many-keys", self.host.limits.keys)
            self.known[key] = self._look(key)
        answer = self.known[key]
        if isinstance(answer, KeyRefused):
            raise KeyRefused(answer.variant, answer.value)
        if isinstance(answer, New):
            self.last_new = key
        return answer

    def commit(self, key: str, receipt: bytes | None) -> None:
        self._check_key(key)
        if key not in self.known:
            raise KeyRefused("not-claimed")
        if receipt is not None and len(receipt) > self.host.limits.receipt_bytes:
            raise KeyRefused("receipt-too-large", self.host.limits.receipt_bytes)
        if not isinstance(self.known[key], New):
            raise KeyRefused("not-claimed")
        self.commits.setdefault(key, receipt)

    def emit(self, topic: str, key: str | None, headers: list[Header], payload: bytes) -> None:
        limits = self.host.limits
        _check_output(topic, key, headers, limits)
        if self.host.topics is not None and topic not in self.host.topics:
            raise OutputRefused("topic-not-allowed")
        if len(self.outputs) >= limits.outputs:
            raise OutputRefused("too-many", limits.outputs)
        texts = [topic, key or "", *(header.name for header in headers)]
        size = sum(len(text.encode()) for text in texts)
        size += sum(len(header.value) for header in headers) + len(payload)
        if self.output_bytes + size > limits.output_bytes:
            raise OutputRefused("too-large", limits.output_bytes)
        self.output_bytes += size
        self.outputs.append((self.last_new, Output(topic, key, headers, payload)))

    def log(self, level: str, text: str) -> None:
        self.lines.append(LogLine(level, text))

    def config(self, name: str) -> str | None:
        return self.host.config.get(name)

    def claimed(self) -> list[str]:
        """The keys that were new to it, committed or not."""
        return [key for key, answer in self.known.items() if isinstance(answer, New)]

    def verdict(self, failure: tuple[End, str] | None) -> _Verdict:
        """How the delivery ends, and why."""
        if decided := self._decided():
            return decided
        match failure:
            case ("reject", reason):
                return _Verdict("reject", reason, f"rejected: {reason}")
            case (end, reason):
                return _Verdict(end, reason)
        if self.too_many_keys:
            return _Verdict("retry", f"more than {self.host.limits.keys} keys in one delivery")
        if self.host.gated and (what := self._uncovered()):
            return _Verdict("effect-without-commit", what, f"effect without commit: {what}")
        return _Verdict("applied", None)

    def _decided(self) -> _Verdict | None:
        """The end that an answer has decided, whatever the handler made of it. A deferral goes before any
        death: what kills the delivery now will still do so when every key can be had."""
        for answer in self.known.values():
            match answer:
                case InFlight(left_ms):
                    return _Verdict("deferred", f"key in flight elsewhere, for at most {left_ms} ms more")
                case KeyRefused(variant="unavailable"):
                    return _Verdict("deferred", str(answer))
        return self.fatal

    def _die(self, end: End, refusal: KeyRefused, death: str) -> KeyRefused:
        self.fatal = self.fatal or _Verdict(end, str(refusal), death)
        return refusal

    def _look(self, key: str) -> Sighting | KeyRefused:
        if self.host.store_down:
            return KeyRefused("unavailable", "the store did not answer")
        match self.host._keys.get(key):
            case None:
                return New()
            case InFlight() as held:
                return held
            case _Dead(reason, origin):
                # A delivery that died before dies of the same once more.
                death = reason if origin == self.origin else f"key is dead: {reason}"
                return self._die("dead", KeyRefused("dead", reason), death)
            case _Committed(receipt, payload) if payload is None or payload == self.payload:
                return Duplicate(receipt)
            case _Committed():
                death = f"mismatch: key {key} was committed with another payload"
                return self._die("mismatch", KeyRefused("mismatch"), death)

    def _check_key(self, key: str) -> None:
        limit = self.host.limits.key_bytes
        if not key:
            raise KeyRefused("invalid-key", "it is empty")
        if (length := len(key.encode())) > limit:
            raise KeyRefused("invalid-key", f"it has {length} bytes, and {limit} are allowed")

    def _uncovered(self) -> str | None:
        """The first output whose key is not committed; for one from before any new key, each key counts."""
        for number, (key, output) in enumerate(self.outputs, 1):
            if key is None and not self.commits:
                return f"output {number} to topic {output.topic}: no key was committed"
            if key is not None and key not in self.commits:
                return f"output {number} to topic {output.topic}: its key was not committed"
        return None


def _check_output(topic: str, key: str | None, headers: list[Header], limits: Limits) -> None:
    """Refuses the first name that is not right."""
    limit = limits.output_name_bytes
    _check_name("topic", topic, limit)
    if key is not None:
        # Brokers take an empty one, and one with any characters.
        _check_length("key", key, limit)
    if len(headers) > limits.output_headers:
        raise OutputRefused("invalid", f"{len(headers)} headers, and {limits.output_headers} are allowed")
    for header in headers:
        _check_name("header name", header.name, limit)
        if header.name[:9].lower() == "oncegate-":
            raise OutputRefused("invalid", "header names that begin with oncegate- are the host's")


def _check_name(what: str, name: str, limit: int) -> None:
    if not name:
        raise OutputRefused("invalid", f"the {what} is empty")
    _check_length(what, name, limit)
    if any(unicodedata.category(character) == "Cc" for character in name):
        raise OutputRefused("invalid", f"the {what} holds control characters")


def _check_length(what: str, name: str, limit: int) -> None:
    if (length := len(name.encode())) > limit:
        raise OutputRefused("invalid", f"the {what} has {length} bytes, and {limit} are allowed")
