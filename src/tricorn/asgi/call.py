"""One call of an app: how it begins, and who is told how it ended."""

from __future__ import annotations

from collections.abc import Awaitable


class AppCall:
    """What runs in a task: the app's own coroutine, or `run()` around it.

    Where an app's first step is taken ahead of its task (`first_step`), the three methods are
    called one by one, which costs less than a coroutine around the app's.
    """

    def begin(self) -> Awaitable[object]:
        """Call the app; return what is to be awaited."""
        raise NotImplementedError

    def returned(self, result: object) -> None:
        """The app has returned."""
        raise NotImplementedError

    def raised(self, error: BaseException) -> bool:
        """The app has raised; return whether its task ends with the same error."""
        raise NotImplementedError

    async def run(self) -> None:
        """Call the app and clear up behind it, whatever it does."""
        try:
            result = await self.begin()
        except BaseException as error:
            if self.raised(error):
                raise
        else:
            self.returned(result)
