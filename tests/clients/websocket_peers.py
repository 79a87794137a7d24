"""WebSocket clients as people have them, each behind the same few methods."""

import asyncio
from urllib.parse import urlsplit

import aiohttp
import picows
import websockets
import websockets.asyncio.client
import websockets.sync.client
import wsproto
import wsproto.events as ws
from wsproto.extensions import PerMessageDeflate

LARGEST = 1 << 25
PATIENCE = 40.0


class Ended(Exception):
    """The connection is closed; the code and the reason that came, or 1006."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


def websockets_options(deflate, subprotocols, fields):
    """What both clients of PyPI's websockets are given."""
    return {
        "compression": "deflate" if deflate else None,
        "subprotocols": list(subprotocols) or None,
        "additional_headers": list(fields),
        "max_size": LARGEST,
        "proxy": None,
    }


class WebsocketsPeer:
    """PyPI's websockets, on asyncio."""

    deflates = True

    async def open(self, url, deflate, subprotocols=(), fields=()):
        self.connection = await websockets.asyncio.client.connect(
            url, **websockets_options(deflate, subprotocols, fields)
        )
        self.subprotocol = self.connection.subprotocol
        self.fields = list(self.connection.response.headers.raw_items())
        return self

    async def send(self, data, pieces=()):
        await self.connection.send(pieces or data)

    async def receive(self):
        try:
            return await self.connection.recv()
        except websockets.ConnectionClosed:
            raise Ended(self.connection.close_code, self.connection.close_reason) from None

    async def ping(self):
        await (await self.connection.ping(b"horn"))

    async def close(self, code, reason):
        await self.connection.close(code, reason)


class BlockingPeer:
    """PyPI's websockets, in a thread."""

    deflates = True

    async def open(self, url, deflate, subprotocols=(), fields=()):
        options = websockets_options(deflate, subprotocols, fields)
        self.connection = await asyncio.to_thread(
            lambda: websockets.sync.client.connect(url, **options).__enter__()
        )
        self.subprotocol = self.connection.subprotocol
        self.fields = list(self.connection.response.headers.raw_items())
        return self

    async def send(self, data, pieces=()):
        await asyncio.to_thread(self.connection.send, pieces or data)

    async def receive(self):
        try:
            return await asyncio.to_thread(self.connection.recv, PATIENCE)
        except websockets.ConnectionClosed:
            raise Ended(self.connection.close_code, self.connection.close_reason) from None

    async def ping(self):
        answered = self.connection.ping(b"horn")
        assert await asyncio.to_thread(answered.wait, PATIENCE)

    async def close(self, code, reason):
        await asyncio.to_thread(self.connection.close, code, reason)


class AiohttpPeer:
    """aiohttp. It doesn't send fragments, and answers pings only while it receives."""

    deflates = True

    async def open(self, url, deflate, subprotocols=(), fields=()):
        self.session = aiohttp.ClientSession()
        try:
            self.connection = await self.session.ws_connect(
                url,
                compress=15 if deflate else 0,
                protocols=subprotocols,
                headers=fields,
                max_msg_size=LARGEST,
            )
        except BaseException:
            await self.session.close()
            raise
        self.subprotocol = self.connection.protocol
        head = self.connection._response.raw_headers
        self.fields = [(name.decode(), value.decode()) for name, value in head]
        return self

    async def send(self, data, pieces=()):
        whole = (b"" if isinstance(pieces[0], bytes) else "").join(pieces) if pieces else data
        if isinstance(whole, bytes):
            await self.connection.send_bytes(whole)
        else:
            await self.connection.send_str(whole)

    async def receive(self):
        message = await self.connection.receive()
        if message.type in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            return message.data
        await self.session.close()
        if message.type is aiohttp.WSMsgType.CLOSE:
            raise Ended(message.data, message.extra)
        raise Ended(self.connection.close_code, "")

    async def ping(self):
        await self.connection.ping(b"horn")  # the pong is swallowed

    async def close(self, code, reason):
        await self.connection.close(code=code, message=reason.encode())
        await self.session.close()


class PicowsPeer:
    """picows. It has no compression."""

    deflates = False

    class Listener(picows.WSListener):
        def __init__(self):
            self.messages = asyncio.Queue()
            self.pieces = []
            self.pongs = asyncio.Queue()

        def on_ws_frame(self, transport, frame):
            if frame.msg_type == picows.WSMsgType.CLOSE:
                self.messages.put_nowait(
                    Ended(frame.get_close_code(), (frame.get_close_message() or b"").decode())
                )
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            elif frame.msg_type == picows.WSMsgType.PONG:
                self.pongs.put_nowait(frame.get_payload_as_bytes())
            else:
                self.take(frame)

        def take(self, frame):
            if frame.msg_type != picows.WSMsgType.CONTINUATION:
                self.kind = frame.msg_type
            self.pieces.append(frame.get_payload_as_bytes())
            if frame.fin:
                whole = b"".join(self.pieces)
                self.pieces.clear()
                is_text = self.kind == picows.WSMsgType.TEXT
                self.messages.put_nowait(whole.decode() if is_text else whole)

        def on_ws_disconnected(self, transport):
            self.messages.put_nowait(Ended(1006, ""))

    async def open(self, url, deflate, subprotocols=(), fields=()):
        offered = [("Sec-WebSocket-Protocol", ", ".join(subprotocols))] if subprotocols else []
        self.transport, self.listener = await picows.ws_connect(
            self.Listener, url, extra_headers=[*fields, *offered], max_frame_size=LARGEST
        )
        headers = self.transport.response.headers
        self.fields = list(headers.items())
        self.subprotocol = headers.get("Sec-WebSocket-Protocol")
        return self

    async def send(self, data, pieces=()):
        pieces = pieces or [data]
        for number, piece in enumerate(pieces):
            is_text = isinstance(piece, str)
            kind = picows.WSMsgType.TEXT if is_text else picows.WSMsgType.BINARY
            self.transport.send(
                kind if number == 0 else picows.WSMsgType.CONTINUATION,
                piece.encode() if is_text else piece,
                fin=number == len(pieces) - 1,
            )

    async def receive(self):
        got = await self.listener.messages.get()
        if isinstance(got, Ended):
            raise got
        return got

    async def ping(self):
        self.transport.send_ping(b"horn")
        assert await self.listener.pongs.get() == b"horn"

    async def close(self, code, reason):
        self.transport.send_close(code, reason.encode())
        await self.transport.wait_disconnected()


class WsprotoPeer:
    """wsproto, fed by hand."""

    deflates = True

    async def open(self, url, deflate, subprotocols=(), fields=()):
        where = urlsplit(url)
        self.reader, self.writer = await asyncio.open_connection(where.hostname, where.port)
        self.engine = wsproto.WSConnection(wsproto.ConnectionType.CLIENT)
        self.pieces = []
        self.pongs = 0
        self.waiting = []
        target = where.path + (f"?{where.query}" if where.query else "")
        self.write(
            ws.Request(
                host=where.netloc,
                target=target,
                subprotocols=list(subprotocols),
                extensions=[PerMessageDeflate()] if deflate else [],
                extra_headers=[(name.encode(), value.encode()) for name, value in fields],
            )
        )
        accepted = await self.event()
        assert isinstance(accepted, ws.AcceptConnection), accepted
        assert bool(accepted.extensions) == deflate
        self.subprotocol = accepted.subprotocol
        self.fields = [(name.decode(), value.decode()) for name, value in accepted.extra_headers]
        return self

    def write(self, event):
        self.writer.write(self.engine.send(event))

    async def event(self):
        while not self.waiting:
            data = await self.reader.read(65536)
            self.engine.receive_data(data or None)
            self.waiting = list(self.engine.events())
            if not data and not self.waiting:
                raise Ended(1006, "")
        return self.waiting.pop(0)

    async def send(self, data, pieces=()):
        pieces = pieces or [data]
        for piece in pieces:
            self.write(ws.Message(data=piece, message_finished=piece is pieces[-1]))
        # Not drained: the server may have to be read from before it reads on.

    async def receive(self):
        while True:
            event = await self.event()
            if isinstance(event, ws.Ping):
                self.write(event.response())
            elif isinstance(event, ws.Pong):
                self.pongs += 1
            elif isinstance(event, ws.CloseConnection):
                await self.end(event)
                raise Ended(event.code, event.reason or "")
            else:
                self.pieces.append(event.data)
                if event.message_finished:
                    whole = type(event.data)().join(self.pieces)
                    self.pieces.clear()
                    return whole

    async def end(self, event):
        if self.engine.state is wsproto.connection.ConnectionState.REMOTE_CLOSING:
            self.write(event.response())
        # The server closes first (RFC 6455 7.1.1).
        assert await self.reader.read() == b""
        self.writer.close()

    async def ping(self):
        self.write(ws.Ping(payload=b"horn"))
        pong = await self.event()
        assert isinstance(pong, ws.Pong)
        assert pong.payload == b"horn"

    async def close(self, code, reason):
        self.write(ws.CloseConnection(code=code, reason=reason))
        try:
            while True:
                await self.receive()
        except Ended as ended:
            assert ended.code == code


PEERS = {
    "websockets": WebsocketsPeer,
    "websockets-sync": BlockingPeer,
    "aiohttp": AiohttpPeer,
    "picows": PicowsPeer,
    "wsproto": WsprotoPeer,
}
