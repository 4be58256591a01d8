"""What a message can be asked."""

from decimal import Decimal
from typing import Any

import pytest

from oncegate import Header, Reject
from oncegate.testing import message


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"a":1', "payload: Expecting ',' delimiter: line 1 column 7 (char 6)"),
        (b"", "payload: Expecting value: line 1 column 1 (char 0)"),
        (b"\xff", "payload: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (b"NaN", "payload: NaN is not JSON"),
        (b"-Infinity", "payload: -Infinity is not JSON"),
        (b"[" * 100_000, "payload: nested more than 256 deep"),
        (b'{"a":' * 257 + b"1" + b"}" * 257, "payload: nested more than 256 deep"),
    ],
)
def test_json_that_cannot_be_read_is_rejected_with_the_reason(payload: bytes, reason: str) -> None:
    with pytest.raises(Reject) as rejected:
        message(payload).json()
    assert str(rejected.value) == reason


@pytest.mark.parametrize(
    "value",
    [
        [[]] * 1000,
        ["[" * 1000, '"[' * 1000, "\\[" * 1000],
        {"a": ["b"] * 1000, "c": [{}] * 1000},
        None,
        "text",
        2**64,
    ],
)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert message(json=value).json() == value


def test_256_is_deep_enough() -> None:
    value = message(b"[" * 256 + b"]" * 256).json()
    for _ in range(255):
        [value] = value
    assert value == []


def test_strings_without_end_take_no_longer_than_others() -> None:
    payload = b"[" * 300 + b'"' + b'\\"' * 500_000
    with pytest.raises(Reject):
        message(payload).json()


def test_the_options_are_python_s_own() -> None:
    assert message("[1.10]").json(parse_float=Decimal) == [Decimal("1.10")]
    with pytest.raises(Reject, match="payload: NaN is not JSON"):
        message("[NaN]").json(parse_float=Decimal)


def test_text_is_utf_8() -> None:
    assert message("größe").text == "größe"
    with pytest.raises(Reject, match="^payload: 'utf-8' codec"):
        _ = message(b"\xe9").text


def test_the_first_header_of_a_name_is_found() -> None:
    trace = message(headers=[("trace", "1"), ("trace", b"\xff")])
    assert trace.headers == [Header("trace", b"1"), Header("trace", b"\xff")]
    assert (trace.header("trace"), trace.header("Trace")) == (b"1", None)
