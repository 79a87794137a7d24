"""An app that costs next to nothing and says which process answers; /block takes a second."""

import os
import time
from typing import Any

PID = str(os.getpid()).encode()
FIELDS = [(b"content-type", b"text/plain"), (b"content-length", str(len(PID)).encode())]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["path"] == "/block":
        time.sleep(1)
    await send({"type": "http.response.start", "status": 200, "headers": FIELDS})
    await send({"type": "http.response.body", "body": PID})
