"""The gate's questions as the contract has them, for handlers that need more than `once`: several keys, or a
receipt that depends on another key."""

from oncegate import _host
from oncegate._errors import KeyRefused
from oncegate._sighting import Sighting
from oncegate._text import Data, has_lone_surrogate, to_bytes


def seen(key: str) -> Sighting:
    """Claims a key: of all handlers that ask for it at the same time, one is answered `New`.

    This is no mere look: after `New`, commit the key or fail. It may wait a short while if the key is in
    flight elsewhere. What the host refuses is raised as `KeyRefused`.
    """
    return _host.current().seen(_checked(key))


def commit(key: str, receipt: Data | None = None) -> None:
    """Stages the commit of a key that was answered `New`, with a receipt that every later duplicate is given.

    A second commit of the same key keeps the first receipt. What the host refuses is raised as `KeyRefused`.
    """
    stored = None if receipt is None else to_bytes("a receipt", receipt)
    _host.current().commit(_checked(key), stored)


def _checked(key: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a key is a str, not {type(key).__name__}")
    if has_lone_surrogate(key):
        raise KeyRefused("invalid-key", "it holds a lone surrogate")
    return key
