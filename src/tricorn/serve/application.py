"""From what the user names to an ASGI 3 app: factories, interfaces, adapters."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple, cast, get_args

from tricorn.asgi.asgi2 import ASGI2Middleware
from tricorn.product import product_logger
from tricorn.serve.importer import ImportFromStringError, import_app
from tricorn.serve.user_error import UserCodeError

Interface = Literal["asgi3", "asgi2", "wsgi"]
ASGIApp = Callable[[Any, Any, Any], Awaitable[Any]]

_ARGUMENTS: dict[Interface, tuple[str, ...]] = {
    "asgi3": ("scope", "receive", "send"),
    "asgi2": ("scope",),
    "wsgi": ("environ", "start_response"),
}

logger = product_logger("error")


class Application(NamedTuple):
    """An app as the server calls it: `app(scope, receive, send)` gives a coroutine."""

    app: ASGIApp
    interface: Interface  # what the user's app spoke


def load_application(
    app: Any, *, factory: bool = False, interface: str = "auto", wsgi_threads: int = 10
) -> Application:
    """Import `app` if it is a string, call it if it is a factory, and adapt its interface.

    Raises `ImportFromStringError` (one line), `UserCodeError` (with the user's traceback) and
    `ValueError` for an unknown interface.
    """
    name = _name(app)
    if isinstance(app, str):
        app, name = _import(app)
    elif not callable(app):
        raise ImportFromStringError(f"It is {_a(app)}, which isn't an application.")
    app = _call_factory(app, name) if factory else _call_unflagged_factory(app, name)
    if not callable(app):
        raise ImportFromStringError(f'"{name}" is {_a(app)}, which isn\'t an application.')
    spoken = resolve_interface(app, interface)
    if interface != "auto":
        _refuse_other_interface(app, spoken, name)
    if spoken == "wsgi":
        if interface == "auto":
            logger.info("WSGI application detected; --interface wsgi says so explicitly.")
        # Here, as other apps needn't hold the half megabyte of it.
        from tricorn.asgi.wsgi import WSGIMiddleware

        return Application(WSGIMiddleware(app, threads=wsgi_threads), spoken)
    if spoken == "asgi2":
        return Application(ASGI2Middleware(app), spoken)
    return Application(app if _is_async(app) else _awaiting(app), spoken)


def _import(import_str: str) -> tuple[Any, str]:
    app, name = import_app(import_str)
    if name != import_str:
        logger.info('"%s" names no attribute; using "%s".', import_str, name)
    return app, name


def _awaiting(app: Callable[..., Awaitable[Any]]) -> ASGIApp:
    """`app` with a real coroutine for a result, since a task can't run every awaitable."""

    @functools.wraps(app, updated=())
    async def run(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return run


# --- Factories ---------------------------------------------------------------------------------


def _call_factory(factory: Any, name: str) -> Any:
    if not callable(factory):
        raise ImportFromStringError(f'"{name}" is {_a(factory)}, so it can\'t be a factory.')
    if _accepts(factory, 0) is False:
        raise ImportFromStringError(
            f'"{name}" needs arguments, but a factory is called without any. '
            "If it is the app itself, leave --factory out."
        )
    app = _run_factory(factory, name)
    if not callable(app):
        raise ImportFromStringError(
            f'The factory "{name}" returned {_a(app)}, which isn\'t an application.'
        )
    return app


def _call_unflagged_factory(app: Any, name: str) -> Any:
    """The result of `app()` where that can only be a factory; else `app`."""
    if not _looks_like_factory(app):
        return app
    made = _call_factory(app, name)
    logger.warning(
        "ASGI app factory detected. Using it, "
        "but please consider setting the --factory flag explicitly."
    )
    return made


def _run_factory(factory: Callable[[], Any], name: str) -> Any:
    try:
        app = factory()
    except Exception as error:
        raise UserCodeError(f'The factory "{name}" failed', error) from error
    if inspect.iscoroutine(app):
        app.close()
        raise ImportFromStringError(
            f'The factory "{name}" is async; a factory must be a plain function.'
        )
    return app


def _looks_like_factory(app: Any) -> bool:
    """Is it callable without arguments, which no app is?

    `*args` doesn't count: wrappers and proxies have it, whatever is behind them.
    """
    if not callable(app) or _is_async(app):
        return False
    if any(p.kind is p.VAR_POSITIONAL for p in _parameters(app) or ()):
        return False
    return _accepts(app, 0) is True


# --- Interfaces --------------------------------------------------------------------------------


def resolve_interface(app: Any, interface: str = "auto") -> Interface:
    """What `app` speaks; for `auto`, by its kind and the arguments it takes.

    Coroutine functions and everything that takes `(scope, receive, send)` are ASGI 3, a
    callable of exactly two arguments is WSGI, one of a single argument is ASGI 2. What can't be
    told is taken for ASGI 3. Raises `ValueError` for an unknown interface.
    """
    if interface in get_args(Interface):
        return cast(Interface, interface)
    if interface != "auto":
        raise ValueError(f"interface '{interface}' is unknown; it is auto, asgi3, asgi2 or wsgi")
    if inspect.isclass(app):
        return _class_interface(app)
    if _is_async(app) or _accepts(app, 3) is not False:
        return "asgi3"
    if _accepts(app, 2):
        return "wsgi"
    return "asgi2" if _accepts(app, 1) else "asgi3"


def _refuse_other_interface(app: Any, given: Interface, name: str) -> None:
    """Say at the start what would fail each request: the call itself isn't possible.

    Raises `ImportFromStringError`.
    """
    arguments = _ARGUMENTS[given]
    # What a wrapper says of what it wraps isn't what it takes itself.
    if given == "wsgi" and _is_async(app):
        why = "is async"
    elif _accepts(app, len(arguments), follow_wrapped=False) is False:
        why = f"can't be called with ({', '.join(arguments)})"
    else:
        return
    raise ImportFromStringError(
        f'"{name}" {why}, so it is no {given} app. Without --interface, how it is called is found.'
    )


def _class_interface(app: type) -> Interface:
    # A class is called for each request. What it makes must be awaitable in ASGI 3
    # (Starlette's endpoints), iterable in WSGI, and callable in ASGI 2.
    if hasattr(app, "__await__"):
        return "asgi3"
    return "wsgi" if hasattr(app, "__iter__") and _accepts(app, 2) else "asgi2"


def _is_async(app: Any) -> bool:
    """Does calling it give a coroutine?"""
    while isinstance(app, functools.partial):
        app = app.func
    if inspect.isclass(app):
        return False
    return _is_coroutine_function(app) or _is_coroutine_function(getattr(app, "__call__", None))  # noqa: B004


def _is_coroutine_function(function: Any) -> bool:
    if sys.version_info < (3, 12):
        # Only asyncio's knows functions that are marked as such; later it is deprecated.
        return asyncio.iscoroutinefunction(function)
    else:
        return inspect.iscoroutinefunction(function)


def _accepts(app: Any, count: int, follow_wrapped: bool = True) -> bool | None:
    """Can it be called with that many positional arguments? None: it can't be told."""
    try:
        signature = inspect.signature(app, follow_wrapped=follow_wrapped)
    except (TypeError, ValueError):
        return None
    try:
        signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _parameters(app: Any) -> list[inspect.Parameter] | None:
    try:
        return list(inspect.signature(app).parameters.values())
    except (TypeError, ValueError):
        return None


def _name(app: Any) -> str:
    return getattr(app, "__qualname__", None) or type(app).__qualname__


def _a(value: object) -> str:
    if value is None:
        return "None"
    if inspect.ismodule(value):
        return "a module"
    return f"an object of type {type(value).__name__}"
