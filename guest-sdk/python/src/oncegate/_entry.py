"""Where the host's call enters the user's code, and where errors leave it."""

import inspect
import os.path
import re
import sys
import traceback
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeVar

from oncegate import _host
from oncegate._errors import Refused, Reject, Retry
from oncegate._message import Message
from oncegate._text import fit

Handle = Callable[[Message], Any]
H = TypeVar("H", bound=Handle)

SHOWN_FRAMES = 4
_HERE = os.path.dirname(__file__)


class Failure(NamedTuple):
    """Why a handler did not do its work."""

    end: Literal["retry", "reject"]
    """`retry` or `reject`."""
    reason: str
    """The text for the operator."""
    error: BaseException
    """What was raised."""


def handler(handle: H) -> H:
    """Makes a function this component's handler. Once for each component, in the module that is built.

    The function takes a `Message`. What it returns is ignored; that it returns is what applies its effects.
    `Reject` and `Retry` say that they shall not be; any other exception is a retry with its own text.
    """
    if inspect.iscoroutinefunction(handle) or inspect.isgeneratorfunction(handle):
        raise TypeError("a handler is a plain function, neither async nor a generator")
    if sys.platform == "wasi":
        from oncegate._component import export

        # The tool that makes the component looks for a class of this name in the module that it builds.
        module = sys._getframe(1).f_globals
        if "WitWorld" in module:
            raise TypeError("a component has one handler")
        module["WitWorld"] = export(handle)
    return handle


def run(handle: Handle, message: Message, host: _host.Host) -> Failure | None:
    """Calls the user's function, and says how it failed, if it did."""
    token = _host.CURRENT.set(host)
    try:
        returned = handle(message)
        if returned is not None:
            _check(returned)
    except Reject as error:
        return Failure("reject", fit(str(error)), error)
    except Retry as error:
        return Failure("retry", fit(str(error)), error)
    except Refused as error:
        return Failure("retry" if error.is_retry else "reject", fit(str(error)), error)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and sys.platform != "wasi":
            raise
        if isinstance(error, MemoryError):
            # What the handler held is what is missing now.
            traceback.clear_frames(error.__traceback__)
        reason = fit(_described(error))
        _log(host, error, reason)
        return Failure("retry", reason, error)
    finally:
        _host.CURRENT.reset(token)
    return None


def _check(returned: object) -> None:
    """What would look like success, and is none."""
    if isinstance(returned, BaseException):
        raise TypeError(f"the handler returned {type(returned).__name__}: it has to be raised")
    if inspect.isawaitable(returned) or inspect.isgenerator(returned):
        raise TypeError(f"the handler returned a {type(returned).__name__}, which nobody runs")


def _described(error: BaseException) -> str:
    """Type and text, as Python shows them."""
    name = type(error).__name__
    try:
        text = str(error)
    except Exception:
        text = "<exception str() failed>"
    return f"{name}: {text}" if text else name


def _log(host: _host.Host, error: BaseException, reason: str) -> None:
    """The end of the traceback, line by line, without what lies in this package."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    for frame in frames[-SHOWN_FRAMES:]:
        host.log("error", fit(f'File "{_place(frame.filename)}", line {frame.lineno}, in {frame.name}'))
    if isinstance(error, ImportError) and sys.platform == "wasi":
        host.log("error", "a component has no files: import at the top of the module, not when it runs")
    host.log("error", reason)


def _is_users(file: str) -> bool:
    return os.path.dirname(file) != _HERE


def _place(file: str) -> str:
    """The file's name in its project: a component was built from folders named by numbers."""
    return re.sub(r"^/\d+/", "", file)
