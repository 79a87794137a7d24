"""Whom asyncio takes for the current task, as we set it."""

from __future__ import annotations

import asyncio

import pytest

from tests.asgi.task_rig import call, turn
from tricorn.asgi.current_task import can_replace, current, enter, leave, replace


def two_tasks(loop: asyncio.AbstractEventLoop) -> list[asyncio.Task[None]]:
    """Tasks that nobody but us makes current: each has ended."""

    async def nothing() -> None:
        pass

    tasks = [call(loop, lambda: loop.create_task(nothing())) for _ in range(2)]
    turn(loop, 3)
    return tasks


def seen(loop: asyncio.AbstractEventLoop) -> object:
    """What asyncio says, and we."""
    task = asyncio.current_task(loop)
    assert current(loop) is task
    return task


def test_entering_and_leaving(every_loop: asyncio.AbstractEventLoop) -> None:
    def check() -> None:
        first, second = tasks
        assert seen(every_loop) is None
        assert enter(every_loop, first)
        assert seen(every_loop) is first
        assert not enter(every_loop, second)
        assert seen(every_loop) is first
        leave(every_loop)
        assert seen(every_loop) is None

    tasks = two_tasks(every_loop)
    call(every_loop, check)


@pytest.mark.skipif(not can_replace(), reason="new in Python 3.12")
def test_one_in_anothers_place(every_loop: asyncio.AbstractEventLoop) -> None:
    def check() -> None:
        first, second = tasks
        assert replace(every_loop, first) is None
        assert replace(every_loop, second) is first
        assert seen(every_loop) is second
        assert replace(every_loop, first) is second
        assert replace(every_loop, None) is first
        assert seen(every_loop) is None

    tasks = two_tasks(every_loop)
    call(every_loop, check)
