"""Says in JSON what it was told of its client, over HTTP and, as the first message, WebSockets."""

import json

import plain


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        return await plain.lifespan(scope, receive, send)
    keys = ("client", "server", "scheme", "http_version", "path")
    body = json.dumps({key: scope[key] for key in keys}).encode()
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        return await send({"type": "http.response.body", "body": body})
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": body.decode()})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})
