"""FastAPI: validation, dependencies, threads, files, tasks behind the response."""

import asyncio
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    Request,
    UploadFile,
    WebSocket,
    WebSocketDisconnect,
    WebSocketException,
)
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel

NOTED: list[str] = []


@asynccontextmanager
async def lifespan(app):
    yield {"word": "started"}


app = FastAPI(lifespan=lifespan, default_response_class=PlainTextResponse)


class Item(BaseModel):
    name: str
    price: float


async def connection():
    NOTED.append("opened")
    try:
        yield "connection"
    finally:
        NOTED.append("closed")


@app.get("/")
async def hello():
    return "Hello, world"


@app.get("/hello/{name}")
def in_a_thread(name: str):
    return f"Hello, {name}"


@app.get("/state")
async def state(request: Request):
    return request.state.word


@app.post("/upload")
async def upload(request: Request):
    return str(len(await request.body()))


@app.post("/form")
async def form(file: UploadFile):
    return str(len(await file.read()))


@app.post("/items", response_model=Item)
async def items(item: Item):
    return PlainTextResponse(item.model_dump_json(), media_type="application/json")


@app.get("/stream")
async def stream(found: Annotated[str, Depends(connection)]):
    async def parts():
        for number in range(5):
            yield f"part {number}\n"
            await asyncio.sleep(0.01)

    return StreamingResponse(parts())


@app.get("/patient")
async def patient(request: Request):
    while not await request.is_disconnected():
        await asyncio.sleep(0.01)
    NOTED.append("disconnected")
    return ""


@app.get("/background")
async def background(tasks: BackgroundTasks):
    def later():
        NOTED.append("background")

    tasks.add_task(later)
    return "soon"


@app.get("/noted")
async def noted():
    return ",".join(NOTED)


@app.websocket("/talk/{name}")
async def talk(socket: WebSocket, name: str, found: Annotated[str, Depends(connection)]):
    offered = socket.scope["subprotocols"]
    await socket.accept(subprotocol=offered[0] if offered else None)
    try:
        while (text := await socket.receive_text()) != "close":
            await socket.send_json({"name": name, "text": text, "word": socket.state.word})
        await socket.close(4001, "as you wish")
    except WebSocketDisconnect:
        NOTED.append(f"{name} left")


@app.websocket("/mirror")
async def mirror(socket: WebSocket):
    await socket.accept()
    async for data in socket.iter_bytes():
        await socket.send_bytes(data)


@app.websocket("/forbidden")
async def forbidden(socket: WebSocket):
    raise WebSocketException(1008)
