"""The plain app under a soak: routes that clients may leave, and what the process holds.

/resources     GET   as JSON: tasks, connections, descriptors, threads, objects
/upload        any   size and CRC-32 of the content; nothing where the client leaves
/big?kib=N     GET   so many KiB in pieces, with backpressure
/linger        any   begins an answer, and waits until the client leaves
/drip          GET   a piece every few milliseconds until the client leaves
"""

import asyncio
import gc
import json
import os
import zlib

import plain

PIECE = bytes(range(256)) * 64  # 16 KiB


async def app(scope, receive, send):
    await ROUTES.get(scope.get("path", ""), plain.app)(scope, receive, send)


async def resources(scope, receive, send):
    gc.collect()  # what only waits for the collector isn't held
    everything = gc.get_objects()
    names = [type(one).__name__ for one in everything]
    held = {
        "tasks": len(asyncio.all_tasks()),
        "connections": names.count("Http1Connection"),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": len(os.listdir("/proc/self/task")),
        "objects": len(everything),
    }
    del everything
    await plain.respond(send, json.dumps(held).encode(), content_type=b"application/json")


async def upload(scope, receive, send):
    size = checksum = 0
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        content = message.get("body", b"")
        size += len(content)
        checksum = zlib.crc32(content, checksum)
        more = message.get("more_body", False)
    await plain.respond(send, b"%d %d" % (size, checksum))


async def big(scope, receive, send):
    pieces = int(scope["query_string"].partition(b"=")[2]) // 16
    length = [(b"content-length", b"%d" % (pieces * len(PIECE)))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    for _ in range(pieces):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body"})


async def begin(send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})


async def linger(scope, receive, send):
    await begin(send)
    while (await receive())["type"] != "http.disconnect":
        pass


async def drip(scope, receive, send):
    await begin(send)
    while True:  # until send() raises
        await asyncio.sleep(0.02)
        await send({"type": "http.response.body", "body": b"x" * 1000, "more_body": True})


ROUTES = {
    "/resources": resources,
    "/upload": upload,
    "/big": big,
    "/linger": linger,
    "/drip": drip,
}
