"""gRPC as a plain ASGI app: HTTP/2, length-prefixed messages and trailers, and no more.

The service test.Echo, whose messages are bytes:

/test.Echo/Unary    one message, sent back
/test.Echo/Count    one message with a number; so many messages come back
/test.Echo/Sum      any number of messages; one with the sum of their lengths comes back
/test.Echo/Chat     each message is sent back as it comes
/test.Echo/Fail     INVALID_ARGUMENT with a message, before anything is sent
/test.Echo/Break    one message, then ABORTED
/test.Echo/Wait     answers nothing; notes that its client left
/test.Echo/Left     how many have left Wait
/test.Echo/Fields   the metadata of the call that begins with x-
"""

import struct

OK, INVALID_ARGUMENT, ABORTED, UNIMPLEMENTED = 0, 3, 10, 12
LEFT = [0]


class Call:
    """One call: messages in, messages out, a status at the end."""

    def __init__(self, scope, receive, send):
        self.scope = scope
        self._receive = receive
        self._send = send
        self._buffer = b""
        self._more = True
        self._started = False

    async def read(self):
        """The next message; None at the end."""
        while not self._whole():
            if not self._more:
                return None
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return None
            self._buffer += message.get("body", b"")
            self._more = message.get("more_body", False)
        size = struct.unpack_from(">BL", self._buffer)[1]
        found, self._buffer = self._buffer[5 : 5 + size], self._buffer[5 + size :]
        return found

    async def left(self):
        """Waits for the client to leave."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _whole(self):
        if len(self._buffer) < 5:
            return False
        return len(self._buffer) >= 5 + struct.unpack_from(">BL", self._buffer)[1]

    async def start(self):
        if self._started:
            return
        self._started = True
        fields = [(b"content-type", b"application/grpc"), (b"x-initial", b"yes")]
        start = {"type": "http.response.start", "status": 200, "headers": fields}
        await self._send({**start, "trailers": True})

    async def write(self, message):
        await self.start()
        body = struct.pack(">BL", 0, len(message)) + message
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self, status=OK, message=""):
        await self.start()
        await self._send({"type": "http.response.body"})
        fields = [(b"grpc-status", b"%d" % status), (b"grpc-message", message.encode())]
        fields.append((b"x-trailing", b"yes"))
        await self._send({"type": "http.response.trailers", "headers": fields})

    async def refuse(self, status, message):
        """All of it in one head, which is also the trailers."""
        fields = [(b"content-type", b"application/grpc"), (b"grpc-status", b"%d" % status)]
        fields.append((b"grpc-message", message.encode()))
        await self._send({"type": "http.response.start", "status": 200, "headers": fields})
        await self._send({"type": "http.response.body"})


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    call = Call(scope, receive, send)
    method = METHODS.get(scope["path"])
    try:
        if method is None:
            await call.refuse(UNIMPLEMENTED, "no such method")
        else:
            await method(call)
    except OSError:
        pass  # the client has left


async def unary(call):
    await call.write(await call.read())
    await call.end()


async def count(call):
    for number in range(int(await call.read())):
        await call.write(b"%d" % number)
    await call.end()


async def total(call):
    size = 0
    while (message := await call.read()) is not None:
        size += len(message)
    await call.write(b"%d" % size)
    await call.end()


async def chat(call):
    while (message := await call.read()) is not None:
        await call.write(message)
    await call.end()


async def fail(call):
    await call.read()
    await call.refuse(INVALID_ARGUMENT, "not so")


async def break_off(call):
    await call.write(await call.read())
    await call.end(ABORTED, "broke off")


async def wait(call):
    await call.left()
    LEFT[0] += 1


async def left(call):
    await call.write(b"%d" % LEFT[0])
    await call.end()


async def fields(call):
    shown = [name + b"=" + value for name, value in call.scope["headers"] if name[:2] == b"x-"]
    await call.write(b";".join(shown))
    await call.end()


METHODS = {
    "/test.Echo/Unary": unary,
    "/test.Echo/Count": count,
    "/test.Echo/Sum": total,
    "/test.Echo/Chat": chat,
    "/test.Echo/Fail": fail,
    "/test.Echo/Break": break_off,
    "/test.Echo/Wait": wait,
    "/test.Echo/Left": left,
    "/test.Echo/Fields": fields,
}
