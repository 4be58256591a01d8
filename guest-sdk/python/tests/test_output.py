"""What goes to the host: outputs, lines, and what the operator set."""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from oncegate import TRACE, Header, Message, Reject, config, emit, once
from oncegate.testing import Host, LogLine, Output, message

WRONG: Any = 7


def emitted(work: Callable[[], None]) -> Output:
    """The one output of this work."""
    host = Host(outputs="free")
    delivery = host.deliver(lambda _: work(), message())
    assert delivery.end == "applied", delivery.reason
    [output] = host.outputs
    return output


def test_a_payload_is_bytes_text_or_json() -> None:
    payloads: list[bytes | bytearray | memoryview | str] = [b"p", bytearray(b"p"), memoryview(b"p"), "p"]
    for payload in payloads:
        assert emitted(partial(emit, "t", payload)).payload == b"p"
    assert emitted(lambda: emit("t")).payload == b""
    assert emitted(lambda: emit("t", json=None)).payload == b"null"
    output = emitted(lambda: emit("t", json={"ü": [1, 2**64 - 1, "\x07\x7f"]}))
    assert output.payload.decode() == '{"ü":[1,18446744073709551615,"\\u0007\x7f"]}'


def test_headers_are_a_mapping_or_pairs() -> None:
    assert emitted(lambda: emit("t", headers={"a": "1"})).headers == [Header("a", b"1")]
    pairs: list[tuple[str, bytes | str]] = [("a", b"1"), ("a", "2")]
    output = emitted(lambda: emit("t", "p", key="k", headers=pairs))
    assert output == Output("t", "k", [Header("a", b"1"), Header("a", b"2")], b"p")


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), b"bytes", "\ud800", {"a": object()}])
def test_what_is_no_json_is_rejected(value: Any) -> None:
    delivery = Host(outputs="free").deliver(lambda _: emit("t", json=value), message())
    assert isinstance(delivery.error, Reject)
    assert str(delivery.error).startswith("JSON: ")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (partial(emit, WRONG), "TypeError: a topic is a str, not int"),
        (partial(emit, "t", key=WRONG), "TypeError: a key is a str, not int"),
        (partial(emit, "t", WRONG), "TypeError: a payload is bytes or str, not int"),
        (partial(emit, "t", "p", json=1), "TypeError: a payload or json, not both"),
        (partial(emit, "t", headers={"a": WRONG}), "TypeError: a header's value is bytes or str, not int"),
        (partial(emit, "\ud800"), "output refused: the topic holds a lone surrogate"),
        (partial(config, WRONG), "TypeError: a name is a str, not int"),
    ],
)
def test_what_would_stop_a_component_is_told_before(wrong: Callable[[], None], reason: str) -> None:
    assert Host().deliver(lambda _: wrong(), message()).reason == reason


def test_an_output_belongs_to_the_key_before_it() -> None:
    def handle(_: Message) -> None:
        once("k1", lambda: None)
        emit("t", "of k1")

    host = Host()
    assert host.deliver(handle, message()).end == "applied"
    delivery = host.deliver(handle, message())
    assert delivery.end == "effect-without-commit"
    assert [output.payload for output in delivery.staged] == [b"of k1"]
    assert len(host.outputs) == 1


def test_lines_have_the_contract_s_levels() -> None:
    def handle(_: Message) -> None:
        for number in [1, TRACE, logging.DEBUG, logging.INFO, 25, logging.WARNING, logging.CRITICAL]:
            logging.log(number, "%s of %d", number, 50)
        logging.getLogger("library").error("half \ud800")

    host = Host()
    host.deliver(handle, message())
    levels = ["trace", "trace", "debug", "info", "info", "warn", "error", "error"]
    assert [line.level for line in host.log] == levels
    assert host.log[0] == LogLine("trace", "1 of 50")
    assert host.log[-1] == LogLine("error", "half \\ud800")


def test_the_runner_s_own_log_is_left_as_it_was() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    Host().deliver(lambda _: logging.info("line"), message())
    assert (root.level, root.handlers) == before


def test_a_level_that_the_user_set_stays() -> None:
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.ERROR)
    try:
        assert Host().deliver(lambda _: logging.info("line"), message()).log == []
    finally:
        root.setLevel(before)


def test_what_the_operator_set_is_read() -> None:
    host = Host(config={"greeting": "hello"})
    host.config["name"] = "you"
    said = host.deliver(lambda _: logging.info("%s %s", config("greeting"), config("name")), message()).log
    assert said == [LogLine("info", "hello you")]
    assert host.deliver(lambda _: logging.info(config("none")), message()).log == [LogLine("info", "None")]
