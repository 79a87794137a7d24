"""The application's start and end, and how an endless response learns of the end."""

import signal

from tricorn.demo.asgi import Receive, Scope, Send


class Lifespan:
    """An ASGI application for the `lifespan` scope. There is nothing to open or to close."""

    def __init__(self) -> None:
        self._over = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            self._over = False
            await send({"type": "lifespan.startup.complete"})
        self._over = True
        await send({"type": "lifespan.shutdown.complete"})

    @property
    def stopping(self) -> bool:
        """Whether the server wants to stop.

        `lifespan.shutdown` may come only after the last response is complete, so a response
        without an end has to find out earlier. ASGI has no message for that. Servers that take
        SIGTERM with a method of the object that holds `should_exit`, as tricorn and Uvicorn do,
        can be asked.
        """
        server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
        return self._over or bool(getattr(server, "should_exit", False))
