"""One call of an app: how it begins, and who is told how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from tricorn.asgi.failure import was_cancelled


class AppCall:
    """What runs in a task: the app's own coroutine, or `run()` around it.

    `task` is None while the app runs ahead of it. Who makes a call begins with that, and with
    `ended` being False.

    Where an app's first step is taken ahead of its task (`first_step`), `begin`, `returned` and
    `raised` are called one by one, which costs less than a coroutine around the app's.
    """

    task: asyncio.Task[None] | None
    ended: bool  # the app's call is over

    def begin(self) -> Awaitable[object]:
        """Call the app; return what is to be awaited."""
        raise NotImplementedError

    def returned(self, result: object) -> None:
        """The app has returned."""
        try:
            self._app_returned(result)
        finally:
            self._ended()

    def raised(self, error: BaseException) -> bool:
        """The app has raised; return whether its task ends with the same error: was cancelled."""
        cancelled = isinstance(error, asyncio.CancelledError)
        try:
            self._app_failed(None if cancelled and was_cancelled() else error)
        finally:
            self._ended()
        return cancelled

    async def run(self) -> None:
        """Call the app and clear up behind it, whatever it does."""
        try:
            result = await self.begin()
        except BaseException as error:
            if self.raised(error):
                raise
        else:
            self.returned(result)

    def _app_returned(self, result: object) -> None:
        """Complete what the app has left open."""
        raise NotImplementedError

    def _app_failed(self, error: BaseException | None) -> None:
        """Tell the developer, and the client. Without an error somebody cancelled the app."""
        raise NotImplementedError

    def _ended(self) -> None:
        self.ended = True
        if self.task is not None:
            self._tell_end()

    def _tell_end(self) -> None:
        """Tell the stream, which waits for the end of a task only."""
        raise NotImplementedError
