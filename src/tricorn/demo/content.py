"""Reading a request's content as it arrives."""

from collections.abc import AsyncIterator

from tricorn.demo.asgi import Receive


class ClientGoneError(OSError):
    """The client left before its request was complete.

    An `OSError`, as is what `send()` raises for a client that has gone (ASGI HTTP 2.4), so that
    one `except` covers both.
    """


async def chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Yield each non-empty piece of the content; one piece at most is in memory at a time.

    Raises `ClientGoneError` if the client leaves before the end.
    """
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        more = message.get("more_body", False)
        if body := message.get("body", b""):
            yield body


async def client_gone(receive: Receive) -> None:
    """Return once the client has left. Content that still arrives is dropped."""
    while (await receive())["type"] != "http.disconnect":
        pass
