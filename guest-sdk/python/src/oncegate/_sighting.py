"""The answers to `seen`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class New:
    """Nobody has committed this key, and this invocation now holds the claim to it: do the work, then commit
    the key."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The key's effect has happened: do nothing."""

    receipt: bytes | None
    """What was stored with the first commit, if anything was."""


@dataclass(frozen=True, slots=True)
class InFlight:
    """Another delivery holds the claim. Return: whatever the handler returns, the host makes this delivery
    again later and uses up no attempt."""

    left_ms: int
    """For at most how much longer, in milliseconds."""


Sighting = New | Duplicate | InFlight
"""The answer to `seen`."""
