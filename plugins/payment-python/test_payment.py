import pytest
from payment import Payment

from oncegate import Reject
from oncegate.testing import message

REST = '"account":"a","amount_cents":5,"currency":"EUR"}'


def test_unknown_members_are_ignored_and_escapes_are_read() -> None:
    payment = Payment.of(
        message(
            ' {"note":{"a":[1],"a":2},"payment_id":"p\\u0031","account":"ü","currency":"usd",'
            '"amount_cents":18446744073709551615}'
        )
    )
    assert payment == Payment("p1", "ü", 2**64 - 1, "usd")


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ("", "payload: Expecting value"),
        (b'{"payment_id":"\xff",' + REST.encode(), "payload: 'utf-8' codec"),
        ('["p","a",5,"EUR"]', "payload: not a JSON object"),
        ('{"payment_id":"p"', "payload: Expecting ',' delimiter"),
        ("{} {}", "payload: Extra data"),
        ("{}", "payload: payment_id is missing"),
        ('{"payment_id":"p","account":"a","currency":"EUR"}', "payload: amount_cents is missing"),
        ('{"payment_id":7,' + REST, "payload: payment_id is a number"),
        ('{"payment_id":null,' + REST, "payload: payment_id is null"),
        ('{"payment_id":["p"],' + REST, "payload: payment_id is a list"),
        ('{"payment_id":{"p":1},' + REST, "payload: payment_id is an object"),
        ('{"payment_id":"p","payment_id":"q"}', "payload: payment_id is there twice"),
        ('{"payment_id":"p","payment_id":"p",' + REST, "payload: payment_id is there twice"),
        ('{"payment_id":"\\ud800",' + REST, "payload: payment_id holds half of a character"),
        ('{"payment_id":"p",' + REST + " x", "payload: Extra data"),
        ('{"payment_id":"p",' + REST.replace("5", '"5"'), "payload: amount_cents is a text"),
        ('{"payment_id":"p",' + REST.replace("5", "5.0"), "payload: amount_cents is not a whole number"),
        ('{"payment_id":"p",' + REST.replace("5", "5e1"), "payload: amount_cents is not a whole number"),
        ('{"payment_id":"p",' + REST.replace("5", "NaN"), "payload: NaN is not JSON"),
        ('{"payment_id":"p",' + REST.replace("5", "true"), "payload: amount_cents is true"),
        ('{"payment_id":"p",' + REST.replace("5", "-5"), "payload: amount_cents is negative"),
        ('{"payment_id":"p",' + REST.replace("5", str(2**64)), "payload: amount_cents is above 2^64-1"),
        ('{"payment_id":"p",' + REST.replace("5", "0"), "amount_cents is zero"),
        ('{"payment_id":"",' + REST, "payment_id is empty"),
        ('{"payment_id":"p",' + REST.replace('"a"', '""'), "account is empty"),
        ('{"payment_id":"p",' + REST.replace("EUR", "EURO"), "currency is not three letters"),
        ('{"payment_id":"p",' + REST.replace("EUR", "€UR"), "currency is not three letters"),
        ('{"payment_id":"p",' + REST.replace("EUR", "E1R"), "currency is not three letters"),
    ],
)
def test_each_wrong_payload_is_rejected_with_its_reason(payload: bytes | str, reason: str) -> None:
    with pytest.raises(Reject) as rejected:
        Payment.of(message(payload))
    assert str(rejected.value).startswith(reason)
