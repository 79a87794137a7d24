"""Take in a file of any size and say what it was."""

from hashlib import sha256
from time import perf_counter

from tricorn.demo.asgi import Receive, Scope, Send
from tricorn.demo.content import chunks
from tricorn.demo.responses import respond_json


async def receive_upload(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the content's size, SHA-256 and rate. No more than one piece is ever held."""
    digest = sha256()
    size = pieces = largest = 0
    began = perf_counter()
    async for chunk in chunks(receive):
        digest.update(chunk)
        size += len(chunk)
        pieces += 1
        largest = max(largest, len(chunk))
    seconds = perf_counter() - began
    report = {
        "bytes": size,
        "sha256": digest.hexdigest(),
        "seconds": round(seconds, 6),
        "bytes_per_second": round(size / seconds) if seconds else 0,
        "pieces": pieces,
        "largest_piece": largest,
    }
    await respond_json(scope, send, report)
