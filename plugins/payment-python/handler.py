"""The worked example: each payment is charged once, however often it is delivered."""

from charge import charge_of
from payment import Payment

from oncegate import Message, emit, handler, once


@handler
def handle(message: Message) -> None:
    # The key is the payment's own id: the message id changes when a producer sends the payment again.
    payment = Payment.of(message)

    def work() -> str:
        charge = charge_of(payment)
        emit("charges", json=charge, key=payment.payment_id)
        return charge["charge_id"]

    once(payment.payment_id, work)
