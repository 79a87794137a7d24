"""Which interface an app speaks, and which callables are factories."""

import asyncio
import functools
import logging
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import pytest
from fastapi import FastAPI
from flask import Flask
from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint

from tricorn.asgi.asgi2 import ASGI2Middleware
from tricorn.asgi.wsgi import WSGIMiddleware
from tricorn.serve.application import load_application, resolve_interface
from tricorn.serve.importer import ImportFromStringError
from tricorn.serve.user_error import UserCodeError


async def asgi3(scope: Any, receive: Any, send: Any) -> None: ...


def asgi3_sync(scope: Any, receive: Any, send: Any) -> Any:
    return asgi3(scope, receive, send)


def asgi2(scope: Any) -> Any:
    return functools.partial(asgi3, scope)


def wsgi(environ: Any, start_response: Any) -> Any:
    return []


def traced(app: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(app)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return app(*args, **kwargs)

    return wrapper


def opaque(*args: Any, **kwargs: Any) -> Any:
    return asgi3(*args, **kwargs)


class Objects:
    class Asgi3:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    class Asgi3Sync:
        def __call__(self, scope: Any, receive: Any, send: Any) -> Any: ...

    class Asgi3Optional:
        def __call__(self, scope: Any, receive: Any = None, send: Any = None) -> Any: ...

    class Asgi3Traced:
        @traced
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    class Asgi2:
        def __call__(self, scope: Any) -> Any: ...

    class Wsgi:
        def __call__(self, environ: Any, start_response: Any) -> Any: ...

    class Opaque:
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


class Awaitable3:
    def __init__(self, scope: Any, receive: Any, send: Any) -> None: ...

    def __await__(self) -> Any: ...


class Consumer2:
    def __init__(self, scope: Any) -> None: ...

    async def __call__(self, receive: Any, send: Any) -> None: ...


class IterableWsgi:
    def __init__(self, environ: Any, start_response: Any) -> None: ...

    def __iter__(self) -> Any: ...


class Unreadable:
    __signature__ = "none"

    def __call__(self, *args: Any) -> Any: ...


class Endpoint(HTTPEndpoint):
    pass


@pytest.mark.parametrize(
    ("app", "interface"),
    [
        (asgi3, "asgi3"),
        (asgi3_sync, "asgi3"),
        (functools.partial(asgi3), "asgi3"),
        (functools.partial(functools.partial(asgi3_sync)), "asgi3"),
        (functools.partial(lambda config, scope, receive, send: None, "config"), "asgi3"),
        (functools.partial(lambda config, environ, start: None, "config"), "wsgi"),
        (functools.partial(lambda config, scope: None, "config"), "asgi2"),
        (traced(asgi3), "asgi3"),
        (traced(asgi2), "asgi2"),
        (traced(wsgi), "wsgi"),
        (opaque, "asgi3"),
        (lambda scope, receive, send: None, "asgi3"),
        (Objects.Asgi3(), "asgi3"),
        (Objects.Asgi3Sync(), "asgi3"),
        (Objects.Asgi3Optional(), "asgi3"),
        (Objects.Asgi3Traced(), "asgi3"),
        (Objects.Asgi3().__call__, "asgi3"),
        (Objects.Opaque(), "asgi3"),
        (Unreadable(), "asgi3"),
        (MagicMock(), "asgi3"),
        (AsyncMock(), "asgi3"),
        (Starlette(), "asgi3"),
        (FastAPI(), "asgi3"),
        (Endpoint, "asgi3"),
        (Awaitable3, "asgi3"),
        (asgi2, "asgi2"),
        (Objects.Asgi2(), "asgi2"),
        (Consumer2, "asgi2"),
        (wsgi, "wsgi"),
        (Objects.Wsgi(), "wsgi"),
        (Objects.Wsgi().__call__, "wsgi"),
        (IterableWsgi, "wsgi"),
        (Flask("app"), "wsgi"),
    ],
)
def test_auto(app: Any, interface: str) -> None:
    assert resolve_interface(app) == interface


@pytest.mark.parametrize("interface", ["asgi3", "asgi2", "wsgi"])
def test_a_given_interface_is_believed(interface: str) -> None:
    assert resolve_interface(wsgi, interface) == interface


def test_an_unknown_interface() -> None:
    with pytest.raises(ValueError, match="interface 'asgi' is unknown"):
        resolve_interface(asgi3, "asgi")


def test_django_and_quart_and_litestar() -> None:
    quart = pytest.importorskip("quart")
    assert resolve_interface(quart.Quart("app")) == "asgi3"
    litestar = pytest.importorskip("litestar")
    assert resolve_interface(litestar.Litestar()) == "asgi3"
    pytest.importorskip("django")
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler

    assert resolve_interface(ASGIHandler.__new__(ASGIHandler)) == "asgi3"
    assert resolve_interface(WSGIHandler.__new__(WSGIHandler)) == "wsgi"


def test_an_async_app_is_served_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "tricorn.error"):
        for app in (asgi3, Objects.Asgi3(), Starlette()):
            assert load_application(app) == (app, "asgi3")
    assert caplog.messages == []


def test_an_awaitable_that_is_no_coroutine_is_awaited_in_one() -> None:
    calls = []

    def app(scope: Any, receive: Any, send: Any) -> asyncio.Future[None]:
        calls.append((scope, receive, send))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    async def run() -> None:
        loaded = load_application(app)
        assert loaded.interface == "asgi3"
        coroutine = loaded.app(1, 2, 3)
        assert asyncio.iscoroutine(coroutine)
        await asyncio.create_task(coroutine)

    asyncio.run(run())
    assert calls == [(1, 2, 3)]


def test_adapters_know_their_app(caplog: pytest.LogCaptureFixture) -> None:
    adapted = load_application(asgi2).app
    assert isinstance(adapted, ASGI2Middleware)
    assert adapted.app is asgi2
    with caplog.at_level(logging.INFO, "tricorn.error"):
        adapted = load_application(wsgi).app
        assert isinstance(adapted, WSGIMiddleware)
        assert adapted.app is wsgi
        load_application(wsgi, interface="wsgi")
    assert caplog.messages == ["WSGI application detected; --interface wsgi says so explicitly."]


class Factory:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


def optional(settings: Any = None, debug: bool = False, extra: Any = None) -> Any:
    return asgi3


@pytest.mark.parametrize(
    "factory",
    [lambda: asgi3, optional, functools.partial(lambda app: app, asgi3), Factory, Starlette],
)
def test_a_factory_is_called_with_the_flag_and_without(
    factory: Any, caplog: pytest.LogCaptureFixture
) -> None:
    loaded = load_application(factory, factory=True)
    assert loaded.interface == "asgi3"
    assert loaded.app is not factory
    assert caplog.messages == []
    assert load_application(factory).interface == "asgi3"
    (message,) = caplog.messages
    assert message.startswith("ASGI app factory detected.")


@pytest.mark.parametrize(
    "app", [asgi3, asgi3_sync, opaque, traced(asgi3), Objects.Opaque(), Endpoint, Awaitable3]
)
def test_an_app_is_never_called_to_find_out(app: Any, caplog: pytest.LogCaptureFixture) -> None:
    assert load_application(app).interface == "asgi3"
    assert caplog.messages == []


def test_a_mock_is_never_called_to_find_out() -> None:
    app = MagicMock()
    load_application(app)
    app.assert_not_called()


@pytest.mark.parametrize("flag", [True, False])
def test_an_error_in_a_factory_is_the_users(flag: bool) -> None:
    def create() -> Any:
        raise TypeError("wrong settings")

    with pytest.raises(UserCodeError) as caught:
        load_application(create, factory=flag)
    text = str(caught.value)
    assert "create" in text.splitlines()[0]
    assert text.splitlines()[1] == "Traceback (most recent call last):"
    assert text.count("  File ") == 1
    assert text.endswith("TypeError: wrong settings")
    assert caught.value.exit_code == 3


async def async_factory() -> Any: ...


@pytest.mark.parametrize(
    ("factory", "hint"),
    [
        (asgi3_sync, '"asgi3_sync" needs arguments, but a factory is called without any.'),
        (lambda: None, "returned None, which isn't an application"),
        (async_factory, "is async; a factory must be a plain function"),
        (3, "It is an object of type int, which isn't an application"),
    ],
)
def test_what_is_no_factory(factory: Any, hint: str) -> None:
    with pytest.raises(ImportFromStringError) as caught:
        load_application(factory, factory=True)
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("app", "hint"),
    [
        ({}, "It is an object of type dict, which isn't an application"),
        (None, "is None, which isn't an application"),
        (logging, "is a module, which isn't an application"),
        (lambda: 5, "returned an object of type int, which isn't an application"),
    ],
)
def test_what_is_no_app(app: Any, hint: str) -> None:
    with pytest.raises(ImportFromStringError) as caught:
        load_application(app)
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("app", "interface", "hint"),
    [
        (asgi3, "wsgi", '"asgi3" is async, so it is no wsgi app.'),
        (asgi3_sync, "wsgi", "can't be called with (environ, start_response)"),
        (Flask("app"), "asgi3", "can't be called with (scope, receive, send)"),
        (wsgi, "asgi2", "can't be called with (scope)"),
    ],
)
def test_what_has_another_interface(app: Any, interface: str, hint: str) -> None:
    with pytest.raises(ImportFromStringError) as caught:
        load_application(app, interface=interface)
    assert hint in str(caught.value)
    assert str(caught.value).endswith("Without --interface, how it is called is found.")


@pytest.mark.parametrize("interface", ["asgi3", "asgi2", "wsgi"])
def test_a_wrapper_speaks_what_it_is_said_to(interface: str) -> None:
    """Whatever is said of what it wraps."""
    for app in (traced(asgi3_sync), traced(wsgi), traced(asgi2), MagicMock()):
        assert load_application(app, interface=interface).interface == interface


def test_a_module_alone_says_what_it_uses(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "only_application.py").write_text("async def application(s, r, d): ...")
    monkeypatch.syspath_prepend(str(tmp_path))
    with caplog.at_level(logging.INFO, "tricorn.error"):
        assert load_application("only_application").interface == "asgi3"
    assert caplog.messages == [
        '"only_application" names no attribute; using "only_application:application".'
    ]
