"""Every conformance case, on the SDK's own `testing` host."""

import json
from pathlib import Path
from typing import Any

import pytest
from handler import data, handle, text

from oncegate import Message
from oncegate._message import Header
from oncegate.testing import Delivery, Host, Limits, LogLine, Output

LANGUAGE = "python"
CASES = Path(__file__).parents[3] / "tests" / "conformance"


def cases() -> list[Any]:
    """All cases that exist for this language and need no real sandbox."""
    found = []
    for path in sorted(CASES.glob("*/case.json")):
        case = json.loads(path.read_text(encoding="utf-8"))
        if LANGUAGE in case.get("languages", [LANGUAGE]) and not case.get("host_only"):
            found.append(pytest.param(case, id=path.parent.name))
    return found


@pytest.mark.parametrize("case", cases())
def test_case(case: dict[str, Any]) -> None:
    host = prepared(case)
    for number, delivery in enumerate(case["deliveries"]):
        applied = len(host.outputs)
        ended = host.deliver(handle, message(delivery))
        outputs = [output for output in host.outputs[applied:] if output.topic != "results"]
        check(delivery["expect"], ended, outputs, f"delivery {number}")


def test_there_are_cases() -> None:
    assert len(cases()) >= 40


def prepared(case: dict[str, Any]) -> Host:
    """A host as the case wants it before its first delivery."""
    limits = {name: value for name, value in case.get("limits", {}).items() if name != "memory_bytes"}
    host = Host(
        topics=[*case["topics"], "results"] if "topics" in case else None,
        outputs=case.get("outputs", "free"),
        limits=Limits(**limits),
        config=case.get("config", {}),
    )
    for known in case.get("before", []):
        plant(host, known)
    return host


def plant(host: Host, known: dict[str, Any]) -> None:
    """What the store knows."""
    if "store" in known:
        assert known == {"store": "down"}
        host.store_down = True
        return
    key = text(known["key"])
    if "committed" in known:
        stored = known["committed"]
        host.committed(key, optional(stored.get("receipt")), optional(stored.get("payload")))
    elif "in_flight" in known:
        host.in_flight(key, known["in_flight"])
    else:
        host.dead(key, known["dead"])


def message(delivery: dict[str, Any]) -> Message:
    """The message of one delivery."""
    given = delivery.get("message", {})
    published_ms = given.get("published_ms")
    if "steps" in delivery:
        payload = json.dumps(delivery["steps"], separators=(",", ":")).encode()
    else:
        payload = data(delivery["payload"])
    key = given.get("key")
    return Message(
        text(given.get("id", "m:0")),
        text(given.get("topic", "in")),
        None if key is None else text(key),
        [Header(text(name), data(value)) for name, value in given.get("headers", [])],
        payload,
        given.get("attempt", 1),
        None if published_ms is None else int(published_ms),
    )


def check(expect: dict[str, Any], ended: Delivery, outputs: list[Output], where: str) -> None:
    """Compares what is expected with what came."""
    unknown = expect.keys() - {"end", "reason", "reason_contains", "results", "outputs", "log"}
    assert not unknown, where
    assert ended.end == expect["end"], f"{where}: {ended.reason}"
    if "reason" in expect:
        assert ended.reason == for_language(expect["reason"]), where
    if "reason_contains" in expect:
        assert for_language(expect["reason_contains"]) in (ended.reason or ""), where
    if "results" in expect:
        [results] = [output for output in ended.staged if output.topic == "results"]
        assert json.loads(results.payload) == expect["results"], where
    if "outputs" in expect:
        assert outputs == [as_output(wanted) for wanted in expect["outputs"]], where
    if "log" in expect:
        check_log(expect["log"], ended.log, where)


def check_log(expected: list[list[str]], log: list[LogLine], where: str) -> None:
    """Each is a part of a line, in this order; other lines may stand between them."""
    lines = iter(log)
    for level, part in expected:
        found = any(line.level == level and part in line.text for line in lines)
        assert found, f"{where}: {level} {part!r} in {log}"


def as_output(wanted: dict[str, Any]) -> Output:
    """An output as the case has it."""
    key = wanted["key"]
    headers = [Header(text(name), data(value)) for name, value in wanted["headers"]]
    return Output(text(wanted["topic"]), None if key is None else text(key), headers, data(wanted["payload"]))


def optional(value: Any) -> bytes | None:
    """BYTES or nothing."""
    return None if value is None else data(value)


def for_language(value: Any) -> str:
    """A text for every language, or each language's own."""
    if isinstance(value, str):
        return value
    return str(value.get(LANGUAGE, value.get("*", "")))
