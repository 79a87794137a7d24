"""What apps send, brought into the one form that the server works with.

Each function takes what is as good as the plain thing and raises TypeError, which names
the key, for what isn't.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

Message = dict[str, Any]

# The keys that some message must have.
_REQUIRED: Final = ("type", "status", "links", "path", "file")


def plain_message(message: Any) -> Message:
    """Take any mapping for a message."""
    if isinstance(message, Mapping):
        return dict(message)
    raise TypeError(f"a message must be a dict, not {type(message).__name__}")


def plain_kind(kind: Any) -> str:
    """Take what is a string but not exactly one, such as an enumeration's, for `type`."""
    if isinstance(kind, str):
        return plain_str(kind)
    raise unknown_kind(kind)


def unknown_kind(kind: Any) -> RuntimeError:
    """Say that a message of an HTTP response can't be of this type."""
    return RuntimeError(f"the app sent {kind!r}, which is no message of an HTTP response")


def incomplete(message: Message, error: KeyError) -> Exception:
    """Say what a message lacks; a KeyError of the app's own stays one."""
    key = error.args[0] if error.args else None
    if key not in _REQUIRED or key in message:
        return error
    if key == "type":
        return TypeError("the app sent a message without 'type'")
    return TypeError(f"the app sent {message['type']!r} without {key!r}")


def plain_fields(fields: Any) -> list[Any]:
    """Take any iterable of pairs for `headers`; its pairs are checked when they are written."""
    if type(fields) is list:
        return fields.copy()
    if isinstance(fields, Iterable) and not isinstance(fields, str | bytes):
        return list(fields)
    raise TypeError(f"'headers' must be an iterable of pairs, not {type(fields).__name__}")


def plain_status(status: Any) -> int:
    """Take what is an int but not exactly one, such as `http.HTTPStatus.OK`."""
    if isinstance(status, int) and not isinstance(status, bool):
        return int(status)
    raise TypeError(f"'status' must be an int, not {status!r}")


def plain_str(text: str) -> str:
    """Return the text itself: `str()` of an enumeration's member may be its name."""
    return str.__str__(text)


def plain_bytes(data: Any, key: str) -> bytes:
    """Take what holds bytes for the value of `key`, and copy it: the app may change it."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    raise TypeError(f"{key!r} must be bytes, not {type(data).__name__}")


def mark_as_coroutine_function(function: Any) -> None:
    """Have `iscoroutinefunction` say what is true of it in effect: asgiref asks."""
    function._is_coroutine = getattr(asyncio.coroutines, "_is_coroutine", None)
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(function)
