"""The lifespan protocol, with apps that keep its rules and apps that don't."""

import asyncio
import contextvars
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.applications import Starlette

from tricorn.asgi import lifespan as lifespan_module
from tricorn.asgi.lifespan import Lifespan

WAITING = "Waiting for application startup."
COMPLETE = "Application startup complete."
UNSUPPORTED = "ASGI 'lifespan' protocol appears unsupported."
FAILED = "Application startup failed. Exiting."
STOPPING = "Waiting for application shutdown."
STOPPED = "Application shutdown complete."
NOT_STOPPED = "Application shutdown failed. Exiting."

App = Callable[[Any, Any, Any], Awaitable[None]]


@pytest.fixture(autouse=True)
def info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "tricorn.error")


async def within_deadline(work: Awaitable[Any]) -> Any:
    # In this very task, so that all others are the lifespan's.
    async with asyncio.timeout(20):
        return await work


def run(app: App, mode: Any = "auto", **options: Any) -> Lifespan:
    """Startup, and shutdown where startup was well; nothing of the app may be left over."""

    async def both() -> Lifespan:
        lifespan = Lifespan(app, mode, **options)
        await lifespan.startup()
        if not lifespan.should_exit:
            await lifespan.shutdown()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return lifespan

    return asyncio.run(within_deadline(both()))  # type: ignore[no-any-return]


async def polite(scope: Any, receive: Any, send: Any) -> None:
    assert (await receive())["type"] == "lifespan.startup"
    await send({"type": "lifespan.startup.complete"})
    assert (await receive())["type"] == "lifespan.shutdown"
    await send({"type": "lifespan.shutdown.complete"})


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_a_polite_app(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    lifespan = run(polite, mode)
    assert not lifespan.should_exit
    assert not lifespan.error_occurred
    assert caplog.messages == [WAITING, COMPLETE, STOPPING, STOPPED]


def test_the_scope_and_the_state() -> None:
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        scope["state"]["pool"] = 1
        await polite(scope, receive, send)

    lifespan = run(app, asgi_version="2.0")
    assert lifespan.state == {"pool": 1}
    (scope,) = scopes
    assert scope["type"] == "lifespan"
    assert scope["asgi"] == {"version": "2.0", "spec_version": "2.0"}
    assert scope["state"] is lifespan.state


def test_off_never_calls_the_app(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("called")

    lifespan = run(app, "off")
    assert (lifespan.should_exit, lifespan.error_occurred, lifespan.state) == (False, False, {})
    assert caplog.messages == []


@pytest.mark.parametrize("framework", [Starlette, FastAPI])
def test_the_lifespan_context_of_a_framework(
    framework: Any, caplog: pytest.LogCaptureFixture
) -> None:
    events = []

    @asynccontextmanager
    async def context(app: Any) -> AsyncIterator[dict[str, int]]:
        events.append("up")
        yield {"pool": 1}
        events.append("down")

    lifespan = run(framework(lifespan=context), "on")
    assert lifespan.state == {"pool": 1}
    assert events == ["up", "down"]
    assert caplog.messages == [WAITING, COMPLETE, STOPPING, STOPPED]


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_a_framework_that_fails_to_start(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def context(app: Any) -> AsyncIterator[None]:
        raise RuntimeError("no database")
        yield

    lifespan = run(Starlette(lifespan=context), mode)
    assert lifespan.should_exit
    first, told, last = caplog.messages
    assert (first, last) == (WAITING, FAILED)
    assert "RuntimeError: no database" in told
    assert caplog.records[1].levelno == logging.ERROR


def test_a_framework_that_fails_to_stop(caplog: pytest.LogCaptureFixture) -> None:
    @asynccontextmanager
    async def context(app: Any) -> AsyncIterator[None]:
        yield
        raise RuntimeError("stuck")

    lifespan = run(Starlette(lifespan=context))
    assert lifespan.should_exit
    assert caplog.messages[:3] == [WAITING, COMPLETE, STOPPING]
    assert "RuntimeError: stuck" in caplog.messages[3]
    assert caplog.messages[4:] == [NOT_STOPPED]


async def raises(scope: Any, receive: Any, send: Any) -> None:
    raise KeyError(scope["type"])


def test_an_app_that_raises_is_served_under_auto(caplog: pytest.LogCaptureFixture) -> None:
    lifespan = run(raises)
    assert lifespan.error_occurred
    assert not lifespan.should_exit
    assert caplog.messages == [WAITING, UNSUPPORTED, COMPLETE]


def test_the_reason_is_there_for_those_who_debug(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "tricorn.error")
    run(raises)
    (record,) = [r for r in caplog.records if r.levelno == logging.DEBUG and r.exc_info]
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError


def test_an_app_that_raises_is_refused_under_on(caplog: pytest.LogCaptureFixture) -> None:
    lifespan = run(raises, "on")
    assert lifespan.should_exit
    assert caplog.messages == [WAITING, "Exception in 'lifespan' protocol\n", FAILED]
    assert caplog.records[1].exc_info is not None


def test_an_app_that_ignores_the_scope_type(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})

    assert not run(app).should_exit
    assert caplog.messages == [WAITING, UNSUPPORTED, COMPLETE]


def test_an_app_that_returns_at_once(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        return

    lifespan = run(app)
    assert not lifespan.should_exit
    assert not lifespan.error_occurred
    assert caplog.messages == [WAITING, COMPLETE, STOPPING, STOPPED]


def test_an_app_that_returns_after_its_startup(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})

    assert not run(app, "on").should_exit
    assert caplog.messages == [WAITING, COMPLETE, STOPPING, STOPPED]


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_a_failed_startup_tells_its_message(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no 100% database"})

    lifespan = run(app, mode)
    assert lifespan.should_exit
    assert caplog.messages == [WAITING, "no 100% database", FAILED]
    assert [r.levelno for r in caplog.records] == [logging.INFO, logging.ERROR, logging.ERROR]


def test_a_failed_startup_without_a_message(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.failed"})
        raise RuntimeError("and then it raises")

    assert run(app).should_exit
    assert caplog.messages == [WAITING, FAILED]


def test_a_failed_shutdown(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "not flushed"})

    lifespan = run(app)
    assert lifespan.should_exit
    assert caplog.messages == [WAITING, COMPLETE, STOPPING, "not flushed", NOT_STOPPED]


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_an_exception_in_the_shutdown_is_told(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        raise LookupError("late")

    lifespan = run(app, mode)
    assert lifespan.should_exit
    assert caplog.messages[2:] == [STOPPING, "Exception in 'lifespan' protocol\n", NOT_STOPPED]


def test_an_exception_while_serving_is_told_and_ends_the_protocol(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})
        await now.wait()
        raise LookupError("in between")

    async def serve() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        assert not lifespan.should_exit
        now.set()
        while not lifespan.error_occurred:
            await asyncio.sleep(0)
        await lifespan.shutdown()

    asyncio.run(within_deadline(serve()))
    assert caplog.messages == [WAITING, COMPLETE, "Exception in 'lifespan' protocol\n"]


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_sys_exit_stops_the_server_and_not_the_loop(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        sys.exit(4)

    assert run(app, mode).should_exit
    assert caplog.messages == [
        WAITING,
        "The application ended its lifespan with SystemExit(4).",
        FAILED,
    ]


@pytest.mark.parametrize(
    ("sent", "hint"),
    [
        (["startup.complete", "startup.complete"], "lifespan.startup is already answered"),
        (["startup.complete", "startup.failed"], "lifespan.startup is already answered"),
        (["shutdown.complete"], "before lifespan.startup was answered"),
        (["startup.complete", "shutdown.complete", "shutdown.failed"], "shutdown is already"),
        (["startup"], "can't be sent"),
        (["startup.done"], "can't be sent"),
        (["http.response.start"], "can't be sent"),
    ],
)
def test_wrong_sends_are_told_to_the_app(sent: list[str], hint: str) -> None:
    told = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for kind in sent[:-1]:
            await send({"type": f"lifespan.{kind}"})
        try:
            await send({"type": f"lifespan.{sent[-1]}"})
        except RuntimeError as error:
            told.append(str(error))

    run(app)
    assert len(told) == 1
    assert hint in told[0]
    assert "\n" not in told[0]


async def hangs(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.get_running_loop().create_future()


def test_a_hung_startup_ends_at_its_timeout(caplog: pytest.LogCaptureFixture) -> None:
    lifespan = run(hangs, startup_timeout=0.02)
    assert lifespan.should_exit
    assert caplog.messages == [
        WAITING,
        "Application startup took longer than 0.02 seconds.",
        FAILED,
    ]


def test_a_hung_shutdown_ends_at_its_timeout(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})
        await hangs(scope, receive, send)

    lifespan = run(app, shutdown_timeout=0.02)
    assert lifespan.should_exit
    assert caplog.messages[2:] == [
        STOPPING,
        "Application shutdown took longer than 0.02 seconds.",
        NOT_STOPPED,
    ]


@pytest.mark.parametrize("timeout", [None, 0])
def test_without_a_timeout_it_waits(timeout: float | None) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await asyncio.sleep(0.05)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.sleep(0.05)
        await send({"type": "lifespan.shutdown.complete"})

    assert not run(app, startup_timeout=timeout, shutdown_timeout=timeout).should_exit


@pytest.mark.parametrize("phase", ["startup", "shutdown"])
def test_a_hung_phase_can_be_interrupted(phase: str) -> None:
    cleaned = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            if phase == "shutdown":
                await send({"type": "lifespan.startup.complete"})
            await hangs(scope, receive, send)
        finally:
            cleaned.append(True)

    async def interrupt() -> None:
        lifespan = Lifespan(app, "on")
        if phase == "shutdown":
            await lifespan.startup()
        waiting = asyncio.create_task(getattr(lifespan, phase)())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert cleaned == [True]
        assert lifespan.should_exit
        await lifespan.shutdown()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(within_deadline(interrupt()))


def test_interrupting_logs_no_failure_of_the_app(caplog: pytest.LogCaptureFixture) -> None:
    async def interrupt() -> None:
        lifespan = Lifespan(hangs, "on")
        waiting = asyncio.create_task(lifespan.startup())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.wait([waiting])

    asyncio.run(interrupt())
    assert caplog.messages == [WAITING]


def test_an_app_that_loops_for_ever_is_ended_after_its_shutdown(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while True:
            kind = (await receive())["type"]
            await send({"type": f"{kind}.complete"})

    # It isn't waited for, since it can only wait for us.
    monkeypatch.setattr(lifespan_module, "_FAREWELL", 3600)

    async def start_and_stop() -> None:
        lifespan = Lifespan(app)
        await lifespan.startup()
        await lifespan.shutdown()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(within_deadline(start_and_stop()))
    assert caplog.messages == [WAITING, COMPLETE, STOPPING, STOPPED]


def test_work_after_the_shutdown_is_waited_for() -> None:
    done = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await polite(scope, receive, send)
        await asyncio.sleep(0.02)
        done.append(True)

    run(app)
    assert done == [True]


def test_context_variables_stay_in_the_lifespan() -> None:
    variable = contextvars.ContextVar("variable", default="outer")
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(variable.get())
        variable.set("inner")
        await polite(scope, receive, send)

    async def serve() -> None:
        variable.set("server")
        lifespan = Lifespan(app)
        await lifespan.startup()
        seen.append(variable.get())
        await lifespan.shutdown()

    asyncio.run(serve())
    assert seen == ["server", "server"]
