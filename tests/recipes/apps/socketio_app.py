"""python-socketio: by long polling (many short requests, and one that waits) and WebSocket."""

import socketio

server = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(server)


@server.event
async def shout(sid, text):
    await server.emit("answer", text.upper(), to=sid)
    return len(text)
