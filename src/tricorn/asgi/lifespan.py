"""The lifespan protocol: one call of the app that spans the life of the server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

from tricorn.product import product_logger

Message = MutableMapping[str, Any]
App = Callable[[Any, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Any]

_STARTUP, _SHUTDOWN = "startup", "shutdown"
_FAREWELL = 1.0  # seconds that the app's call may take to end when nothing is left to do
_LOOK_EVERY = 0.1  # seconds between two looks at whether it is still to go on


class Lifespan:
    """Tells an app that the server starts and stops (ASGI lifespan specification 2.0).

    `mode` is `auto` (an app that doesn't know the protocol is served all the same), `on` (it
    must know it) or `off` (it is never told). The timeouts are in seconds; None or 0 waits for
    ever. `state` is what the app put into `scope["state"]`, `should_exit` says that the server
    must stop, `error_occurred` that the app's call ended with an exception.
    """

    def __init__(
        self,
        app: App,
        mode: Literal["auto", "on", "off"] = "auto",
        *,
        startup_timeout: float | None = None,
        shutdown_timeout: float | None = None,
        asgi_version: str = "3.0",
    ) -> None:
        self.mode = mode
        self.startup_timeout = startup_timeout
        self.shutdown_timeout = shutdown_timeout
        self.state: dict[str, Any] = {}
        self.should_exit = False
        self.error_occurred = False
        self.logger = product_logger("error")
        self._app = app
        self._asgi = {"version": asgi_version, "spec_version": "2.0"}
        self._task: asyncio.Task[None] | None = None
        self._messages: asyncio.Queue[Message] = asyncio.Queue()
        self._answered = {_STARTUP: asyncio.Event(), _SHUTDOWN: asyncio.Event()}
        self._failed = {_STARTUP: False, _SHUTDOWN: False}
        self._asked = ""  # the phase whose event the app has been handed last
        self._abandoned = False
        self._listens_on = asyncio.Event()  # it waits for events after the last one

    async def startup(self) -> None:
        """Run the app's startup. Sets `should_exit` when the server may not go on.

        Cancelling it cancels the app's call.
        """
        if self.mode == "off":
            return
        self.logger.info("Waiting for application startup.")
        # A task of its own: context variables that it sets don't reach requests.
        self._task = asyncio.get_running_loop().create_task(self._run(), name="lifespan")
        answered = await self._ask(_STARTUP, self.startup_timeout)
        if not answered or self._has_failed(_STARTUP):
            self.logger.error("Application startup failed. Exiting.")
            self.should_exit = True
            await self._end()
        else:
            self.logger.info("Application startup complete.")

    async def shutdown(self) -> None:
        """Run the app's shutdown, if its startup was complete, and wait for its call to end.

        Sets `should_exit` when it failed. Cancelling it cancels the app's call.
        """
        if self._task is None or self.error_occurred or self.should_exit:
            await self._end()
            return
        self.logger.info("Waiting for application shutdown.")
        answered = await self._ask(_SHUTDOWN, self.shutdown_timeout)
        if not answered or self._has_failed(_SHUTDOWN):
            self.logger.error("Application shutdown failed. Exiting.")
            self.should_exit = True
        else:
            self.logger.info("Application shutdown complete.")
        await self._end()

    async def abandon(self) -> None:
        """Cancel the app's call without its shutdown: the server may not wait."""
        self.should_exit = True
        await self._end()

    async def _ask(self, phase: str, timeout: float | None) -> bool:
        """Hand the app an event and wait for its answer; False when it took too long."""
        self._messages.put_nowait({"type": f"lifespan.{phase}"})
        try:
            await asyncio.wait_for(self._answered[phase].wait(), timeout or None)
        except TimeoutError:
            self.logger.error("Application %s took longer than %g seconds.", phase, timeout)
            return False
        except asyncio.CancelledError:
            self.should_exit = True
            await self._end()
            raise
        return True

    def _has_failed(self, phase: str) -> bool:
        if phase == _STARTUP and self.mode == "auto":
            return self._failed[phase]
        return self._failed[phase] or self.error_occurred

    async def _end(self) -> None:
        """Let the app's call end, and cancel it if it waits for events that won't come."""
        task = self._task
        if task is None:
            return
        complete = self._answered[_SHUTDOWN].is_set() or self._failed[_STARTUP]
        if complete and not task.done():
            idle = asyncio.ensure_future(self._listens_on.wait())
            await asyncio.wait((task, idle), timeout=_FAREWELL, return_when=asyncio.FIRST_COMPLETED)
            idle.cancel()
        self._abandoned = True
        if not task.done():
            task.cancel("the server stops")
            await asyncio.wait((task,), timeout=_FAREWELL)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": self._asgi, "state": self.state}
        try:
            await self._app(scope, self._receive, self._send)
        except BaseException as error:
            # SystemExit too: in a task it would tear down the loop. The server exits by itself.
            self._failed_with(error)
        finally:
            self._answered[_STARTUP].set()
            self._answered[_SHUTDOWN].set()

    def _failed_with(self, error: BaseException) -> None:
        if self._abandoned:
            return
        self.error_occurred = True
        if self._failed[_STARTUP] or self._failed[_SHUTDOWN]:
            return  # the app has said so itself, with its own message
        started = self._answered[_STARTUP].is_set()
        phase = _SHUTDOWN if started else _STARTUP
        if isinstance(error, SystemExit | KeyboardInterrupt):
            self._failed[phase] = True
            self.logger.error("The application ended its lifespan with %r.", error)
        elif self.mode == "auto" and not started:
            self.logger.info("ASGI 'lifespan' protocol appears unsupported.")
            # Often a slip in the startup code rather than an app without lifespan.
            self.logger.debug("The application raised at its lifespan scope:", exc_info=error)
        else:
            self._failed[phase] = True
            self.logger.error("Exception in 'lifespan' protocol\n", exc_info=error)

    async def _receive(self) -> Message:
        if self._asked == _SHUTDOWN and self._messages.empty():
            self._listens_on.set()
        message = await self._messages.get()
        self._asked = message["type"].removeprefix("lifespan.")
        return message

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        phase, _, outcome = str(kind).removeprefix("lifespan.").partition(".")
        if phase not in self._answered or outcome not in ("complete", "failed"):
            raise RuntimeError(
                f"'{kind}' can't be sent in the lifespan protocol; it knows "
                "lifespan.startup.complete, .startup.failed, .shutdown.complete, .shutdown.failed"
            )
        self._check_order(kind, phase)
        if outcome == "failed":
            self._failed[phase] = True
            if message.get("message"):
                self.logger.error("%s", message["message"])
        self._answered[phase].set()

    def _check_order(self, kind: str, phase: str) -> None:
        if self._answered[phase].is_set():
            raise RuntimeError(f"'{kind}' was sent, but lifespan.{phase} is already answered")
        if phase == _SHUTDOWN and not self._answered[_STARTUP].is_set():
            raise RuntimeError(f"'{kind}' was sent before lifespan.startup was answered")


async def run_unless(is_hopeless: Callable[[], bool], step: Awaitable[None]) -> bool:
    """Run a startup or a shutdown to its end; cancel it, and return False, if need be."""
    task = asyncio.ensure_future(step)
    while not task.done():
        await asyncio.wait({task}, timeout=_LOOK_EVERY)
        if is_hopeless() and not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            return False
    task.result()
    return True
