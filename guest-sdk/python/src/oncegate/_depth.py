"""How deep a JSON text is nested.

Python's reader goes as deep as the text does, and in a component it would meet the end of the stack, which
stops the handler, before Python's own limit.
"""

import re
from itertools import accumulate

LIMIT = 256
"""So many lists and objects within each other are read."""

# To the end of the text if it does not end before.
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_OTHERS = bytes(set(range(256)) - set(b"[]{}"))
_STEP = [1 if byte in b"[{" else -1 for byte in range(256)]


def is_too_deep(text: bytes) -> bool:
    """Whether more than `LIMIT` lists and objects lie within each other."""
    if text.count(b"[") + text.count(b"{") <= LIMIT:
        return False
    brackets = _STRING.sub(b"", text).translate(None, _OTHERS)
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0) > LIMIT
