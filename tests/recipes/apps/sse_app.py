"""An endless stream of events that ends when the server has to stop."""

import asyncio

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route


async def clock():
    number = 0
    while True:
        yield {"event": "tick", "data": str(number)}
        number += 1
        await asyncio.sleep(0.02)


async def events(request):
    return EventSourceResponse(clock())


app = Starlette(routes=[Route("/events", events)])
