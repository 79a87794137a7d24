"""Sanic in its ASGI mode."""

import asyncio
from urllib.parse import unquote

from sanic import Sanic
from sanic.response import text

app = Sanic("tricorn_recipe", configure_logging=False)
app.config.REQUEST_MAX_SIZE = 100_000_000


@app.before_server_start
async def start(app):
    app.ctx.word = "started"


@app.get("/")
async def hello(request):
    return text("Hello, world")


@app.get("/hello/<name:str>")
async def named(request, name):
    return text(f"Hello, {unquote(name)}")


@app.get("/state")
async def state(request):
    return text(app.ctx.word)


@app.post("/upload")
async def upload(request):
    return text(str(len(request.body)))


@app.post("/form")
async def form(request):
    return text(str(len(request.files.get("file").body)))


@app.get("/stream")
async def stream(request):
    response = await request.respond(content_type="text/plain")
    for number in range(5):
        await response.send(f"part {number}\n")
        await asyncio.sleep(0.01)
    await response.eof()


@app.websocket("/mirror")
async def mirror(request, socket):
    while (message := await socket.recv()) is not None:
        await socket.send(message)
