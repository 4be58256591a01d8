"""The gate."""

from functools import partial
from typing import Any

import pytest

from oncegate import InFlight, KeyRefused, Message, New, Once, Reject, Retry, commit, emit, once, seen
from oncegate.testing import Host, message


def test_work_is_done_once_and_every_delivery_gets_the_receipt() -> None:
    gave: list[Once] = []

    def handle(message: Message) -> None:
        key = message.text

        def work() -> str:
            emit("charges", message.payload)
            return f"ch_{key}"

        gave.append(once(key, work))

    host = Host()
    for _ in range(3):
        assert host.deliver(handle, message("p1")).end == "applied"
    assert len(host.outputs) == 1
    assert host.is_committed("p1") and host.receipt("p1") == b"ch_p1"
    assert gave == [Once(True, b"ch_p1"), Once(False, b"ch_p1"), Once(False, b"ch_p1")]


def test_work_that_fails_commits_nothing_and_may_succeed_later() -> None:
    def fails() -> None:
        raise Retry("not now")

    host = Host()
    assert host.deliver(lambda _: once("k", fails), message()).reason == "not now"
    assert not host.is_committed("k")
    assert host.deliver(lambda _: once("k", lambda: None), message()).end == "applied"
    assert host.is_committed("k") and host.receipt("k") is None


def test_what_a_dead_delivery_claimed_is_dead() -> None:
    def rejects(_: Message) -> None:
        once("k", lambda: None)
        raise Reject("no")

    def handle(_: Message) -> None:
        once("k", lambda: None)

    def emits(_: Message) -> None:
        seen("k")
        emit("t", "x")

    host = Host()
    assert host.deliver(rejects, message()).end == "reject"
    assert not host.is_committed("k")
    for id in ["test:0", "test:1"]:
        delivery = host.deliver(handle, message(id=id))
        assert (delivery.end, delivery.reason) == ("dead", "the key was given up earlier: rejected: no")
    host.forget("k")
    delivery = host.deliver(emits, message())
    why = "output 1 to topic t: its key was not committed"
    assert (delivery.end, delivery.reason) == ("effect-without-commit", why)
    reason = host.deliver(handle, message()).reason
    assert reason == f"the key was given up earlier: effect without commit: {why}"


def test_a_key_in_flight_or_a_store_that_is_down_defers_the_delivery() -> None:
    def handle(_: Message) -> None:
        once("k", lambda: None)

    host = Host()
    host.in_flight("k", 40)
    delivery = host.deliver(handle, message())
    assert delivery.end == "deferred"
    assert str(delivery.error) == "key in flight elsewhere, for at most 40 ms more"
    host.forget("k")
    host.store_down = True
    delivery = host.deliver(handle, message())
    assert (delivery.end, delivery.reason) == ("deferred", "store unavailable: the store did not answer")
    host.store_down = False
    assert host.deliver(handle, message()).end == "applied"


def test_asked_again_the_answer_is_the_same_until_the_commit() -> None:
    def handle(_: Message) -> None:
        assert seen("k") == seen("k") == New()
        commit("k")
        assert seen("held") == InFlight(7)

    host = Host()
    host.in_flight("held", 7)
    assert host.deliver(handle, message()).end == "deferred"


@pytest.mark.parametrize("receipt", [17, ["a"], {"a": 1}])
def test_a_receipt_is_bytes_or_text(receipt: Any) -> None:
    delivery = Host().deliver(lambda _: once("k", lambda: receipt), message())
    assert delivery.reason == f"TypeError: a receipt is bytes or str, not {type(receipt).__name__}"


def test_a_receipt_may_be_any_kind_of_bytes() -> None:
    receipts: dict[str, bytes | bytearray | memoryview | str] = {
        "bytes": b"r",
        "bytearray": bytearray(b"r"),
        "memoryview": memoryview(b"r"),
        "str": "r",
    }

    def handle(_: Message) -> None:
        for key in receipts:
            assert once(key, partial(receipts.get, key)) == Once(True, b"r")

    assert Host().deliver(handle, message()).end == "applied"


def test_what_would_stop_a_component_is_told_before() -> None:
    number: Any = 17
    delivery = Host().deliver(lambda _: once(number, lambda: None), message())
    assert delivery.reason == "TypeError: a key is a str, not int"

    def handle(_: Message) -> None:
        with pytest.raises(KeyRefused) as refused:
            seen("\ud800")
        assert (refused.value.variant, refused.value.value) == ("invalid-key", "it holds a lone surrogate")

    assert Host().deliver(handle, message()).end == "applied"


def test_outside_a_delivery_there_is_no_host() -> None:
    with pytest.raises(RuntimeError, match="only while a message is handled"):
        seen("k")
