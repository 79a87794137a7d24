"""BlackSheep."""

import asyncio

from blacksheep import (
    Application,
    Content,
    Request,
    Response,
    StreamedContent,
    WebSocket,
    WebSocketDisconnectError,
    get,
    post,
    ws,
)
from blacksheep.server.responses import text

app = Application()
STATE: dict[str, str] = {}


@app.on_start
async def start(app: Application) -> None:
    STATE["word"] = "started"


@get("/")
async def hello() -> Response:
    return text("Hello, world")


@get("/hello/{name}")
async def named(name: str) -> Response:
    return text(f"Hello, {name}")


@get("/state")
async def state() -> Response:
    return text(STATE["word"])


@post("/upload")
async def upload(request: Request) -> Response:
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return text(str(size))


@post("/form")
async def form(request: Request) -> Response:
    files = await request.files()
    content = files[0].data
    return Response(200, content=Content(b"text/plain", str(len(content)).encode()))


@get("/stream")
async def stream() -> Response:
    async def parts():
        for number in range(5):
            yield b"part %d\n" % number
            await asyncio.sleep(0.01)

    return Response(200, content=StreamedContent(b"text/plain", parts))


@ws("/mirror")
async def mirror(socket: WebSocket) -> None:
    await socket.accept()
    try:
        while True:
            await socket.send_bytes(await socket.receive_bytes())
    except WebSocketDisconnectError:
        pass
