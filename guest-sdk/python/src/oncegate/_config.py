"""Values that the operator set for this handler."""

from oncegate import _host


def config(name: str) -> str | None:
    """The value that the operator set under this name, if any. It does not change during an invocation."""
    if not isinstance(name, str):
        raise TypeError(f"a name is a str, not {type(name).__name__}")
    return _host.current().config(name)
