"""What goes out."""

from typing import TypedDict

from payment import Payment


class Charge(TypedDict):
    """The charge that a payment causes."""

    charge_id: str
    """Derived from the payment's id and nothing else, so whoever computes it again gets the same, and two
    payments never share one."""
    payment_id: str
    """The payment that caused it."""
    account: str
    """Who pays."""
    amount_cents: int
    """How much, in hundredths of the currency."""
    currency: str
    """The currency, as the payment had it."""


def charge_of(payment: Payment) -> Charge:
    """The charge of a payment. Members go out in this order."""
    return Charge(
        charge_id=f"ch_{payment.payment_id}",
        payment_id=payment.payment_id,
        account=payment.account,
        amount_cents=payment.amount_cents,
        currency=payment.currency,
    )
