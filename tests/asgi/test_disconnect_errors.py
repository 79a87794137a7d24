"""Errors that an app raises because its client is gone: which are logged, what they hold."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from tests.asgi.exchange_rig import START, App, Recorder, exchange_for


class Wrapped(Exception):
    """What a framework makes of the OSError that `send()` raises."""


def in_context(error: Exception) -> Exception:
    wrapped = Wrapped()
    wrapped.__context__ = error
    return wrapped


def as_cause(error: Exception) -> Exception:
    wrapped = Wrapped()
    wrapped.__cause__ = in_context(error)
    return wrapped


def in_a_group(error: Exception) -> Exception:
    return ExceptionGroup("tasks", [error, ExceptionGroup("inner", [in_context(error)])])


def failing(change: Any) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send(START)
        except OSError as error:
            failure = change(error)
        raise failure

    return app


def run_without_client(app: App) -> None:
    async def run() -> None:
        exchange = exchange_for(Recorder(), app)
        exchange.disconnected()
        await exchange.run()

    asyncio.run(run())


@pytest.mark.parametrize("change", [in_context, as_cause, in_a_group])
def test_passing_it_on_is_no_error(change: Any, caplog: pytest.LogCaptureFixture) -> None:
    run_without_client(failing(change))
    assert caplog.messages == []


@pytest.mark.parametrize(
    "change",
    [
        lambda error: LookupError("mine"),
        lambda error: ExceptionGroup("tasks", [error, LookupError("mine")]),
    ],
    ids=["another", "another beside it"],
)
def test_an_error_of_the_apps_own_is(change: Any, caplog: pytest.LogCaptureFixture) -> None:
    run_without_client(failing(change))
    assert "LookupError: mine" in caplog.text


def test_a_circular_chain_ends(caplog: pytest.LogCaptureFixture) -> None:
    first, second = LookupError("first"), LookupError("second")
    first.__cause__, second.__cause__ = second, first
    run_without_client(failing(lambda error: first))
    assert "LookupError" in caplog.text


def test_an_error_of_send_keeps_nothing_alive() -> None:
    """Without the garbage collector: what the app held is free when the app has ended."""

    class Held:
        pass

    found: list[weakref.ref[Held]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        held = Held()
        found.append(weakref.ref(held))
        await send(START)

    gc.disable()
    try:
        run_without_client(app)
        assert found[0]() is None
    finally:
        gc.enable()
