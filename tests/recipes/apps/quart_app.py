"""Quart."""

import asyncio

from quart import Quart, request

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
