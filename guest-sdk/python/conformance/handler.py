"""The driver: does the steps of its payload and emits what each of them gave."""

import logging
from base64 import b64decode, b64encode
from collections.abc import Callable
from json import dumps
from typing import Any

import oncegate
from oncegate import (
    Duplicate,
    InFlight,
    KeyRefused,
    Message,
    OutputRefused,
    Refused,
    Reject,
    Retry,
    commit,
    config,
    emit,
    once,
    seen,
)

LEVELS = {
    "trace": oncegate.TRACE,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}

MIB = 1 << 20


class Panic(BaseException):
    """What no `except Exception` catches."""


class Returned(Exception):
    """Leaves all steps."""


@oncegate.handler
def handle(message: Message) -> None:
    driver = Driver(message)
    echoes = message.header("echo") is not None
    steps = [{"message": None}] if echoes else message.json()
    if not isinstance(steps, list):
        raise Reject("payload: no list of steps")
    try:
        driver.run(steps)
    except Returned:
        pass
    if message.header("results") == b"reason":
        raise Reject(dumps(driver.results, separators=(",", ":")))
    emit("results", json=driver.results)


class Driver:
    """One run: what the steps gave, and what they hold until it ends."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.results: list[Any] = []
        self.held: list[bytearray] = []

    def run(self, steps: list[dict[str, Any]]) -> None:
        """Does the steps one after the other."""
        for step in steps:
            self.step(step)

    def step(self, step: dict[str, Any]) -> None:
        """Does one step. What is refused is a result, unless it must not be."""
        [(name, value)] = step.items()
        if name == "must":
            [(name, value)] = value.items()
            self.results.append(self.do(name, value))
            return
        try:
            result = self.do(name, value)
        except Refused as refused:
            if name == "once":
                raise
            result = {"refused": refusal(refused)}
        self.results.append(result)

    def do(self, name: str, value: Any) -> Any:
        """Does one step and gives what the SDK gave."""
        act: Callable[[Any], Any] = getattr(self, "do_" + name.replace("-", "_"))
        return act(value)

    def do_seen(self, key: Any) -> Any:
        sighting = seen(text(key))
        if isinstance(sighting, Duplicate):
            return {"duplicate": shown(sighting.receipt)}
        if isinstance(sighting, InFlight):
            return {"in-flight": str(sighting.left_ms)}
        return "new"

    def do_commit(self, key: Any) -> Any:
        commit(text(key))
        return "ok"

    def do_commit_with(self, value: Any) -> Any:
        key, receipt = value
        commit(text(key), data(receipt))
        return "ok"

    def do_emit(self, output: Any) -> Any:
        key = output.get("key")
        emit(
            text(output["topic"]),
            data(output.get("payload", "")),
            key=None if key is None else text(key),
            headers=[(text(name), data(value)) for name, value in output.get("headers", [])],
        )
        return "ok"

    def do_log(self, line: Any) -> Any:
        level, line_text = line
        logging.log(LEVELS[level], text(line_text))
        return "ok"

    def do_config(self, name: Any) -> Any:
        return config(text(name))

    def do_message(self, _: None) -> Any:
        message = self.message
        published_ms = message.published_ms
        return {
            "id": message.id,
            "topic": message.topic,
            "key": message.key,
            "headers": [[name, shown(value)] for name, value in message.headers],
            "payload": shown(message.payload),
            "attempt": message.attempt,
            "published_ms": None if published_ms is None else str(published_ms),
        }

    def do_once(self, value: Any) -> Any:
        def work() -> bytes | None:
            self.run(value["steps"])
            receipt = value["receipt"]
            return None if receipt is None else data(receipt)

        gave = once(text(value["key"]), work)
        return {"first" if gave.first else "duplicate": shown(gave.receipt)}

    def do_allocate(self, count: int) -> Any:
        for piece in range(0, count, MIB):
            self.held.append(bytearray(b"\xaa") * min(MIB, count - piece))
        return "ok"

    def do_return(self, _: None) -> Any:
        raise Returned

    def do_retry(self, reason: Any) -> Any:
        raise Retry(text(reason))

    def do_reject(self, reason: Any) -> Any:
        raise Reject(text(reason))

    def do_throw(self, reason: Any) -> Any:
        raise ValueError(text(reason))

    def do_panic(self, reason: Any) -> Any:
        raise Panic(text(reason))


def text(value: Any) -> str:
    """A TEXT of the case."""
    if isinstance(value, str):
        return value
    piece, count = value["repeat"]
    return str(piece) * int(count)


def data(value: Any) -> bytes:
    """BYTES of the case."""
    if isinstance(value, str):
        return b64decode(value)
    piece, count = value["repeat"]
    return b64decode(piece) * int(count)


def shown(value: bytes | None) -> Any:
    """Bytes as a result shows them: the long ones by their length and FNV-1a hash."""
    if value is None:
        return None
    if len(value) <= 48:
        return b64encode(value).decode()
    return {"length": len(value), "fnv1a": fnv1a(value)}


def fnv1a(value: bytes) -> int:
    """The 32-bit hash of that name."""
    code = 0x811C9DC5
    for byte in value:
        code = (code ^ byte) * 0x01000193 & 0xFFFFFFFF
    return code


def refusal(refused: KeyRefused | OutputRefused | Refused) -> Any:
    """A refusal as a result shows it."""
    return refused.variant if refused.value is None else {refused.variant: refused.value}
