"""What comes in."""

from dataclasses import dataclass
from typing import Any, Self

from oncegate import Message, Reject

TYPES = {"payment_id": str, "account": str, "amount_cents": int, "currency": str}
U64_MAX = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment event. Its members must be there, once each, and of the right type; others are ignored, so that
    a producer may add some."""

    payment_id: str
    """The payment's own id, the same in every delivery of it; not empty."""
    account: str
    """Who pays; not empty."""
    amount_cents: int
    """How much, in hundredths of the currency: a whole number above zero. A refund is another event."""
    currency: str
    """Three letters (ISO 4217), passed on as they are."""

    @classmethod
    def of(cls, message: Message) -> Self:
        """Reads the payment from a message's payload, or rejects the delivery with the reason."""
        payment = cls(**members(message.json(object_pairs_hook=Members)))
        if fault := payment.fault():
            raise Reject(fault)
        return payment

    def fault(self) -> str | None:
        """What is wrong with the values, if anything is."""
        if not self.payment_id:
            return "payment_id is empty"
        if not self.account:
            return "account is empty"
        if self.amount_cents == 0:
            return "amount_cents is zero"
        if not (len(self.currency) == 3 and self.currency.isascii() and self.currency.isalpha()):
            return "currency is not three letters"
        return None


class Members(list[tuple[str, Any]]):
    """A JSON object as it was written: a dict would keep the last of two members of one name."""


def members(value: object) -> dict[str, Any]:
    """The four members."""
    if not isinstance(value, Members):
        raise Reject("payload: not a JSON object")
    found: dict[str, Any] = {}
    for name, member in value:
        if name in found:
            raise Reject(f"payload: {name} is there twice")
        if name in TYPES:
            found[name] = checked(name, member)
    for name in TYPES:
        if name not in found:
            raise Reject(f"payload: {name} is missing")
    return found


def checked(name: str, member: Any) -> Any:
    """The member, if it is of the right type. A bool is an int to Python, and none here."""
    if type(member) is not TYPES[name]:
        raise Reject(f"payload: {name} is {a(member)}")
    if isinstance(member, int) and not 0 <= member <= U64_MAX:
        raise Reject(f"payload: {name} is {'negative' if member < 0 else 'above 2^64-1'}")
    if isinstance(member, str) and not member.isascii():
        try:
            member.encode()
        except UnicodeEncodeError:
            raise Reject(f"payload: {name} holds half of a character") from None
    return member


def a(member: Any) -> str:
    """What a value of a wrong type is."""
    if member is None or isinstance(member, bool):
        return {None: "null", False: "false", True: "true"}[member]
    if isinstance(member, float):
        return "not a whole number"
    if isinstance(member, int):
        return "a number"
    if isinstance(member, str):
        return "a text"
    return "an object" if isinstance(member, Members) else "a list"
