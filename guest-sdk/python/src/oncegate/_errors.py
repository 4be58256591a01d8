"""The ways to fail."""

from typing import ClassVar


class Reject(Exception):
    """It can never work: the delivery goes to the dead letters with this text as the reason."""


class Retry(Exception):
    """It may work later: the delivery is made again after a back-off, and one attempt is used up."""


class Refused(Exception):
    """The host refused a call, and nothing was claimed or staged by it.

    A handler that does not catch it ends as its text says: a store that is unavailable is a retry (and uses
    up no attempt), everything else a reject.
    """

    variant: str
    """Which refusal it is, as the contract names it: `invalid-key`, `mismatch`, `too-many` and so on."""
    value: str | int | None
    """What comes with it: a reason, a limit, or nothing."""
    _texts: ClassVar[dict[str, str]]

    def __init__(self, variant: str, value: str | int | None = None) -> None:
        super().__init__(self._texts[variant].format(value))
        self.variant = variant
        self.value = value

    def __reduce__(self) -> tuple[type["Refused"], tuple[str, str | int | None]]:
        return type(self), (self.variant, self.value)

    @property
    def is_retry(self) -> bool:
        """Whether another delivery may work."""
        return self.variant == "unavailable"


class KeyRefused(Refused):
    """`seen` or `commit` was refused."""

    _texts = {
        "invalid-key": "invalid key: {}",
        "not-claimed": "commit of a key that this invocation has not claimed",
        "mismatch": "the key was committed with another payload",
        "dead": "the key was given up earlier: {}",
        "too-many-keys": "more than {} keys in one invocation",
        "receipt-too-large": "receipt of more than {} bytes",
        "unavailable": "store unavailable: {}",
    }


class OutputRefused(Refused):
    """`emit` was refused."""

    _texts = {
        "topic-not-allowed": "output refused: this handler may not write to that topic",
        "invalid": "output refused: {}",
        "too-many": "output refused: more than {} in one invocation",
        "too-large": "output refused: more than {} bytes in one invocation",
    }
