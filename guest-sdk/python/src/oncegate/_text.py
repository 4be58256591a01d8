"""Text and bytes on their way to the host, which takes UTF-8 and would stop a handler that gives it anything
else."""

Data = bytes | bytearray | memoryview | str
"""What goes to the host as bytes."""


def has_lone_surrogate(text: str) -> bool:
    """Whether UTF-8 has nothing for this text. JSON can bring half of a character: `"\\ud800"`."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def fit(text: str) -> str:
    """The text with whatever UTF-8 has nothing for as an escape."""
    return text.encode(errors="backslashreplace").decode() if has_lone_surrogate(text) else text


def to_bytes(what: str, value: Data) -> bytes:
    """The bytes of a value, text as UTF-8. No copy of what are bytes already."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    raise TypeError(f"{what} is bytes or str, not {type(value).__name__}")
