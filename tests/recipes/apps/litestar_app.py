"""Litestar."""

import asyncio
from typing import Annotated

from litestar import Litestar, Request, WebSocket, get, post, websocket
from litestar.datastructures import State, UploadFile
from litestar.enums import MediaType, RequestEncodingType
from litestar.exceptions import PermissionDeniedException, WebSocketDisconnect
from litestar.params import Body
from litestar.response import Stream

NOTED: list[str] = []


@get("/", media_type=MediaType.TEXT)
async def hello() -> str:
    return "Hello, world"


@get("/hello/{name:str}", media_type=MediaType.TEXT, sync_to_thread=True)
def named(name: str) -> str:
    return f"Hello, {name}"


@get("/state", media_type=MediaType.TEXT)
async def state(state: State) -> str:
    return state.word


@post("/upload", media_type=MediaType.TEXT, status_code=200)
async def upload(request: Request) -> str:
    size = 0
    async for piece in request.stream():
        size += len(piece)
    return str(size)


Multipart = Annotated[dict[str, UploadFile], Body(media_type=RequestEncodingType.MULTI_PART)]


@post("/form", media_type=MediaType.TEXT, status_code=200)
async def form(data: Multipart) -> str:
    return str(len(await data["file"].read()))


@get("/stream")
async def stream() -> Stream:
    async def parts():
        for number in range(5):
            yield f"part {number}\n"
            await asyncio.sleep(0.01)

    return Stream(parts())


@websocket("/talk/{name:str}")
async def talk(socket: WebSocket, name: str, state: State) -> None:
    offered = socket.scope["subprotocols"]
    await socket.accept(subprotocols=offered[0] if offered else None)
    try:
        while (text := await socket.receive_text()) != "close":
            await socket.send_json({"name": name, "text": text, "word": state.word})
        await socket.close(4001, "as you wish")
    except WebSocketDisconnect:
        NOTED.append(f"{name} left")


@websocket("/mirror")
async def mirror(socket: WebSocket) -> None:
    await socket.accept()
    async for data in socket.iter_data("binary"):
        await socket.send_bytes(data)


@websocket("/forbidden")
async def forbidden(socket: WebSocket) -> None:
    raise PermissionDeniedException


@get("/noted", media_type=MediaType.TEXT)
async def noted() -> str:
    return ",".join(NOTED)


async def start(app: Litestar) -> None:
    app.state.word = "started"


app = Litestar(
    [hello, named, state, upload, form, stream, talk, mirror, forbidden, noted],
    on_startup=[start],
    request_max_body_size=None,
)
