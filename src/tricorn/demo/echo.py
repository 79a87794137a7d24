"""Send content back while it is still arriving."""

from tricorn.demo.asgi import Receive, Scope, Send
from tricorn.demo.content import chunks
from tricorn.demo.responses import NO_STORE, start

# Whatever was sent, it comes back as text: an echo must not become a page of this origin.
_HEAD = [(b"content-type", b"text/plain; charset=utf-8"), NO_STORE]


async def echo_content(scope: Scope, receive: Receive, send: Send) -> None:
    """Return each piece of the content as it is read.

    `send()` waits while the client doesn't read, and then nothing more is received: the slower
    side sets the pace, and memory stays at one piece.
    """
    await start(send, 200, _HEAD)
    async for chunk in chunks(receive):
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body"})
