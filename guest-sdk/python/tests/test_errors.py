"""How errors leave a handler."""

import pickle
import sys
from collections.abc import Callable

import pytest

from oncegate import KeyRefused, Message, OutputRefused, Reject, Retry, handler
from oncegate.testing import Host, LogLine, message


class Stop(BaseException):
    """What no `except Exception` catches."""


class Unshowable(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def raising(error: BaseException) -> Callable[[Message], None]:
    def handle(_: Message) -> None:
        raise error

    return handle


@pytest.mark.parametrize(
    ("error", "end", "reason"),
    [
        (Reject("no"), "reject", "no"),
        (Retry("later"), "retry", "later"),
        (ValueError("boom"), "retry", "ValueError: boom"),
        (KeyError("id"), "retry", "KeyError: 'id'"),
        (MemoryError(), "retry", "MemoryError"),
        (Stop("now"), "retry", "Stop: now"),
        (SystemExit(3), "retry", "SystemExit: 3"),
        (Unshowable(), "retry", "Unshowable: <exception str() failed>"),
        (Reject("half: \ud800"), "reject", "half: \\ud800"),
        (KeyRefused("invalid-key", "it is empty"), "reject", "invalid key: it is empty"),
        (KeyRefused("not-claimed"), "reject", "commit of a key that this invocation has not claimed"),
        (KeyRefused("mismatch"), "reject", "the key was committed with another payload"),
        (KeyRefused("dead", "why"), "reject", "the key was given up earlier: why"),
        (KeyRefused("too-many-keys", 8), "reject", "more than 8 keys in one invocation"),
        (KeyRefused("receipt-too-large", 9), "reject", "receipt of more than 9 bytes"),
        (KeyRefused("unavailable", "down"), "retry", "store unavailable: down"),
        (
            OutputRefused("topic-not-allowed"),
            "reject",
            "output refused: this handler may not write to that topic",
        ),
        (OutputRefused("invalid", "why"), "reject", "output refused: why"),
        (OutputRefused("too-many", 7), "reject", "output refused: more than 7 in one invocation"),
        (OutputRefused("too-large", 7), "reject", "output refused: more than 7 bytes in one invocation"),
    ],
)
def test_each_error_ends_the_delivery_with_its_text(error: BaseException, end: str, reason: str) -> None:
    delivery = Host().deliver(raising(error), message())
    assert (delivery.end, delivery.reason, delivery.error) == (end, reason, error)


def test_an_error_of_the_language_is_logged_with_its_place() -> None:
    def inner() -> None:
        raise ValueError("boom")

    def handle(_: Message) -> None:
        inner()

    log = Host().deliver(handle, message()).log
    assert [line.level for line in log] == ["error"] * 3
    assert log[0].text.startswith('File "') and log[0].text.endswith(", in handle")
    assert log[1].text.endswith(", in inner")
    assert log[2] == LogLine("error", "ValueError: boom")


def test_of_a_long_traceback_the_last_lines_are_logged() -> None:
    def deeper(_: Message) -> None:
        deeper(_)

    log = Host().deliver(deeper, message()).log
    assert len(log) == 5
    assert log[-1].text == "RecursionError: maximum recursion depth exceeded"


def test_what_is_returned_instead_of_raised_is_no_success() -> None:
    def rejects(_: Message) -> object:
        return Reject("no")

    def sleeps(_: Message) -> object:
        yield

    for handle in [rejects, sleeps]:
        delivery = Host().deliver(handle, message())
        assert delivery.end == "retry"
        assert delivery.reason and delivery.reason.startswith("TypeError: the handler returned ")


def test_who_interrupts_a_test_is_heard() -> None:
    with pytest.raises(KeyboardInterrupt):
        Host().deliver(raising(KeyboardInterrupt()), message())


def test_a_handler_is_a_plain_function() -> None:
    async def later(_: Message) -> None: ...

    def some(_: Message) -> object:
        yield

    for function in [later, some]:
        with pytest.raises(TypeError, match="plain function"):
            handler(function)


def test_natively_the_decorator_gives_the_function_back() -> None:
    def handle(_: Message) -> None: ...

    assert handler(handle) is handle
    assert not hasattr(sys.modules[__name__], "WitWorld")


def test_a_refusal_can_be_copied() -> None:
    refused = pickle.loads(pickle.dumps(KeyRefused("dead", "why")))
    assert isinstance(refused, KeyRefused)
    assert (refused.variant, refused.value) == ("dead", "why")
