"""The ways in which programs await a coroutine. Each is called in a loop; it returns the result."""

import asyncio
from typing import Any

import anyio


async def as_it_is(awaitable: Any) -> Any:
    return await awaitable


async def as_a_task(awaitable: Any) -> Any:
    return await asyncio.create_task(awaitable)


async def as_a_future(awaitable: Any) -> Any:
    return await asyncio.ensure_future(awaitable)


async def gathered(awaitable: Any) -> Any:
    (result,) = await asyncio.gather(awaitable)
    return result


async def waited_for(awaitable: Any) -> Any:
    return await asyncio.wait_for(awaitable, 30)


async def shielded(awaitable: Any) -> Any:
    return await asyncio.shield(awaitable)


async def under_a_timeout(awaitable: Any) -> Any:
    async with asyncio.timeout(10):
        return await awaitable


async def waited(awaitable: Any) -> Any:
    (done,), _ = await asyncio.wait([asyncio.ensure_future(awaitable)])
    return done.result()


async def from_a_thread(awaitable: Any) -> Any:
    loop = asyncio.get_running_loop()
    submit = asyncio.run_coroutine_threadsafe
    return await asyncio.to_thread(lambda: submit(awaitable, loop).result(10))


async def in_a_task_group(awaitable: Any) -> Any:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(awaitable)
    return task.result()


async def in_anyio(awaitable: Any) -> Any:
    found = []

    async def keep() -> None:
        with anyio.fail_after(10):
            found.append(await awaitable)

    async with anyio.create_task_group() as group:
        group.start_soon(keep)
    return found[0]


WAYS = [
    as_it_is,
    as_a_task,
    as_a_future,
    gathered,
    waited_for,
    shielded,
    under_a_timeout,
    waited,
    from_a_thread,
    in_a_task_group,
    in_anyio,
]
