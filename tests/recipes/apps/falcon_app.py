"""Falcon."""

import asyncio

import falcon.asgi


class Start:
    word = ""

    async def process_startup(self, scope, event):
        Start.word = "started"


class Hello:
    async def on_get(self, req, resp, name="world"):
        resp.text = f"Hello, {name}"


class State:
    async def on_get(self, req, resp):
        resp.text = Start.word


class Upload:
    async def on_post(self, req, resp):
        size = 0
        async for piece in req.stream:
            size += len(piece)
        resp.text = str(size)


class Form:
    async def on_post(self, req, resp):
        async for part in await req.get_media():
            resp.text = str(len(await part.stream.read()))


class Stream:
    async def on_get(self, req, resp):
        async def parts():
            for number in range(5):
                yield b"part %d\n" % number
                await asyncio.sleep(0.01)

        resp.stream = parts()


class Mirror:
    async def on_websocket(self, req, ws):
        await ws.accept()
        try:
            while True:
                await ws.send_data(await ws.receive_data())
        except falcon.WebSocketDisconnected:
            pass


app = falcon.asgi.App(middleware=[Start()])
app.add_route("/", Hello())
app.add_route("/hello/{name}", Hello())
app.add_route("/state", State())
app.add_route("/upload", Upload())
app.add_route("/form", Form())
app.add_route("/stream", Stream())
app.add_route("/mirror", Mirror())
