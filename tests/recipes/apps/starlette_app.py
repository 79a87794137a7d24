"""Starlette: what its users rely on, behind its own middleware."""

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles

HERE = Path(__file__).parent
NOTED: list[str] = []  # what happened where no response shows it
SENT: list[str] = []  # the kinds of messages of the last response


class Noting:
    """Plain ASGI around everything: which messages the framework sends."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        async def noting_send(message):
            sent.append(message["type"])
            await send(message)

        if scope["type"] == "http" and scope["path"] == "/sent":
            await JSONResponse(SENT)(scope, receive, send)
            return
        sent = []
        await self.app(scope, receive, noting_send)
        SENT[:] = sent


class Stamp(BaseHTTPMiddleware):
    """Wraps each response in a stream of its own, as many projects do."""

    async def dispatch(self, request, call_next):
        response = await call_next(request)
        response.headers["x-stamp"] = request.state.word
        return response


@asynccontextmanager
async def lifespan(app):
    yield {"word": "started"}


async def hello(request):
    return PlainTextResponse("Hello, world")


async def name(request):
    return PlainTextResponse(f"Hello, {request.path_params['name']}")


async def state(request):
    return PlainTextResponse(request.state.word)


async def upload(request):
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return PlainTextResponse(str(size))


async def form(request):
    async with request.form() as sent:
        return PlainTextResponse(str(len(await sent["file"].read())))


async def parts():
    for number in range(5):
        yield f"part {number}\n"
        await asyncio.sleep(0.01)


async def stream(request):
    return StreamingResponse(parts())


async def endless_parts():
    try:
        while True:
            yield b"x" * 1000
            await asyncio.sleep(0.005)
    finally:
        NOTED.append("stream closed")


async def endless(request):
    return StreamingResponse(endless_parts())


async def patient(request):
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    NOTED.append("disconnected")
    return PlainTextResponse("nobody is there")


async def background(request):
    async def later():
        await asyncio.sleep(0.05)
        NOTED.append("background")

    return PlainTextResponse("soon", background=BackgroundTask(later))


async def noted(request):
    return JSONResponse(NOTED)


async def file(request):
    return FileResponse(HERE / "static" / "text.txt")


async def big(request):
    return PlainTextResponse("word " * 20_000)


async def talk(socket):
    offered = socket.scope["subprotocols"]
    await socket.accept(subprotocol=offered[0] if offered else None)
    name = socket.path_params["name"]
    async for text in socket.iter_text():
        if text == "close":
            return await socket.close(4001, "as you wish")
        await socket.send_json({"name": name, "text": text, "word": socket.state.word})
    NOTED.append(f"{name} left")


async def mirror(socket):
    await socket.accept()
    async for data in socket.iter_bytes():
        await socket.send_bytes(data)


async def forbidden(socket):
    raise HTTPException(401, "who are you?")


routes = [
    Route("/", hello),
    Route("/hello/{name}", name),
    Route("/state", state),
    Route("/upload", upload, methods=["POST"]),
    Route("/form", form, methods=["POST"]),
    Route("/stream", stream),
    Route("/endless", endless),
    Route("/patient", patient),
    Route("/background", background),
    Route("/noted", noted),
    Route("/file", file),
    Route("/big", big),
    WebSocketRoute("/talk/{name}", talk),
    WebSocketRoute("/mirror", mirror),
    WebSocketRoute("/forbidden", forbidden),
    Mount("/static", StaticFiles(directory=HERE / "static")),
]
bare = Noting(Starlette(routes=routes, lifespan=lifespan))
app = Noting(
    Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(GZipMiddleware), Middleware(Stamp)],
    )
)
