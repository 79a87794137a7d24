"""Litestar."""

import asyncio
from typing import Annotated

from litestar import Litestar, Request, get, post
from litestar.datastructures import State, UploadFile
from litestar.enums import MediaType, RequestEncodingType
from litestar.params import Body
from litestar.response import Stream


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


async def start(app: Litestar) -> None:
    app.state.word = "started"


app = Litestar(
    [hello, named, state, upload, form, stream], on_startup=[start], request_max_body_size=None
)
