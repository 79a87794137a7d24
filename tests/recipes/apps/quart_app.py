"""Quart."""

import asyncio

from quart import Quart, abort, request, websocket

NOTED: list[str] = []
app = Quart(__name__)
app.config["MAX_CONTENT_LENGTH"] = None


@app.before_serving
async def start():
    app.word = "started"


@app.get("/")
async def hello():
    return "Hello, world"


@app.get("/hello/<name>")
async def named(name):
    return f"Hello, {name}"


@app.get("/state")
async def state():
    return app.word


@app.post("/upload")
async def upload():
    size = 0
    async for piece in request.body:
        size += len(piece)
    return str(size)


@app.post("/form")
async def form():
    return str(len((await request.files)["file"].read()))


@app.get("/stream")
async def stream():
    async def parts():
        for number in range(5):
            yield f"part {number}\n"
            await asyncio.sleep(0.01)

    return parts(), 200


@app.websocket("/talk/<name>")
async def talk(name):
    offered = websocket.requested_subprotocols
    await websocket.accept(subprotocol=offered[0] if offered else None)
    try:
        while (text := await websocket.receive()) != "close":
            await websocket.send_json({"name": name, "text": text, "word": app.word})
        await websocket.close(4001, "as you wish")
    except asyncio.CancelledError:  # how Quart tells it
        NOTED.append(f"{name} left")
        raise


@app.websocket("/mirror")
async def mirror():
    while True:
        await websocket.send(await websocket.receive())


@app.websocket("/forbidden")
async def forbidden():
    abort(401)


@app.get("/noted")
async def noted():
    return ",".join(NOTED)
