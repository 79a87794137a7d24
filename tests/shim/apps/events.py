"""A stream of events without an end."""

import asyncio

from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.routing import Route


async def numbers():
    number = 0
    while True:
        yield {"data": str(number)}
        number += 1
        await asyncio.sleep(0.05)


async def stream(request):
    return EventSourceResponse(numbers())


app = Starlette(routes=[Route("/", stream)])
