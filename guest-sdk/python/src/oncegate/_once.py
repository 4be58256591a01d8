"""The whole gate in one call."""

from collections.abc import Callable
from typing import NamedTuple

from oncegate._errors import Retry
from oncegate._gate import commit, seen
from oncegate._sighting import Duplicate, InFlight
from oncegate._text import Data, to_bytes


class Once(NamedTuple):
    """How a key passed the gate."""

    first: bool
    """Whether the work was done by this invocation, rather than by an earlier one."""
    receipt: bytes | None
    """What the work returned, whichever delivery did it."""


def once(key: str, work: Callable[[], Data | None]) -> Once:
    """Does the work that belongs to a key, unless it has been done.

    It claims the key, calls `work` if the key is new, and commits the key with what `work` returned as the
    receipt: text is stored as UTF-8, None as no receipt.

    The key names the business event (a payment's id, an order's number), not the delivery. What `work` emits
    belongs to this key, so keys are not nested: an output emitted after an inner `once` would belong to the
    inner key.

    If another delivery holds the key this is a `Retry`, for which the host uses up no attempt. What the host
    refuses is raised as `KeyRefused`. What `work` raises goes on to the caller: then nothing is committed,
    and the host releases the key.
    """
    sighting = seen(key)
    if isinstance(sighting, Duplicate):
        return Once(False, sighting.receipt)
    if isinstance(sighting, InFlight):
        raise Retry(f"key in flight elsewhere, for at most {sighting.left_ms} ms more")
    made = work()
    receipt = None if made is None else to_bytes("a receipt", made)
    commit(key, receipt)
    return Once(True, receipt)
