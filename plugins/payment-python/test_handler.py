from handler import handle

from oncegate.testing import Host, message

PAYMENT = '{"payment_id":"p-1","account":"a-9","amount_cents":1250,"currency":"EUR"}'


def test_a_payment_is_charged_once_however_often_it_is_delivered() -> None:
    host = Host(topics=["charges"])
    for id in ["one", "one", "another delivery"]:
        assert host.deliver(handle, message(PAYMENT, id=id)).end == "applied"
    [charge] = host.outputs
    assert (charge.topic, charge.key, charge.headers) == ("charges", "p-1", [])
    assert charge.payload == (
        b'{"charge_id":"ch_p-1","payment_id":"p-1","account":"a-9","amount_cents":1250,"currency":"EUR"}'
    )
    assert host.receipt("p-1") == b"ch_p-1"


def test_characters_and_numbers_go_out_as_they_came_in() -> None:
    host = Host()
    payload = (
        '{"payment_id":"p\\u0031\\ud83d\\ude00","account":"ü\\"\\\\\\n\\u0007\x7f","currency":"usd",'
        '"amount_cents":18446744073709551615}'
    )
    assert host.deliver(handle, message(payload)).end == "applied"
    assert host.outputs[0].payload.decode() == (
        '{"charge_id":"ch_p1😀","payment_id":"p1😀","account":"ü\\"\\\\\\n\\u0007\x7f",'
        '"amount_cents":18446744073709551615,"currency":"usd"}'
    )


def test_what_is_no_payment_is_rejected_before_any_key_is_named() -> None:
    host = Host()
    delivery = host.deliver(handle, message("[]"))
    assert (delivery.end, delivery.reason) == ("reject", "payload: not a JSON object")
    assert not host.outputs


def test_another_payment_under_the_same_id_is_a_mismatch() -> None:
    host = Host()
    assert host.deliver(handle, message(PAYMENT)).end == "applied"
    assert host.deliver(handle, message(PAYMENT.replace("1250", "1251"))).end == "mismatch"
