"""What a server that is told to stop still does for others.

It goes on for as long as load balancers need to notice, and then until what runs is finished.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from tricorn.product import product_logger

if TYPE_CHECKING:
    from tricorn.net.service import Service

# Seconds between two looks at what is waited for.
_LOOK_EVERY = 0.025
# After `timeout_graceful_shutdown` apps are cancelled, and have this long to react.
_AFTER_CANCEL = 2.0

logger = product_logger("error")


class StopDelay:
    """The time between the signal and the drain. Times are monotonic, in seconds."""

    def __init__(self) -> None:
        self._over_at: float | None = None
        self._told = False

    @property
    def is_begun(self) -> bool:
        """Whether the signal has come."""
        return self._over_at is not None

    def begin(self, now: float, seconds: float) -> None:
        """Count from now on."""
        self._over_at = now + seconds

    def is_news(self) -> bool:
        """Whether it has begun, and nobody has asked since."""
        is_news = self.is_begun and not self._told
        self._told = self._told or is_news
        return is_news

    def is_over(self, now: float) -> bool:
        """Whether it has begun and ended."""
        return self._over_at is not None and now >= self._over_at


class Drain:
    """Waits for the connections and tasks of `service`, `limit` seconds at most.

    `is_forced` says whether somebody doesn't want to wait any more.
    """

    def __init__(
        self, service: Service, limit: float | None, is_forced: Callable[[], bool]
    ) -> None:
        self._service = service
        self._is_forced = is_forced
        self._give_up = None if limit is None else time.monotonic() + limit

    async def finish(self) -> None:
        """Wait for connections, and then for tasks."""
        service = self._service
        await asyncio.sleep(0)
        if service.connections and not self._is_forced():
            logger.info("Waiting for connections to close. (CTRL+C to force quit)")
            await self.until(lambda: not service.connections)
        if service.tasks and not self._is_over(self._give_up):
            logger.info("Waiting for background tasks to complete. (CTRL+C to force quit)")
            await self.until(lambda: not service.tasks)

    async def until(self, is_done: Callable[[], bool], within: float | None = None) -> None:
        """Wait, `within` seconds, or as long as the drain may take in all."""
        give_up = self._give_up if within is None else time.monotonic() + within
        while not is_done() and not self._is_over(give_up):
            await asyncio.sleep(_LOOK_EVERY)

    def _is_over(self, give_up: float | None) -> bool:
        return self._is_forced() or (give_up is not None and time.monotonic() >= give_up)

    async def cut_off(self) -> None:
        """Cancel the tasks and abort the connections that are left, and say so."""
        left = len(self._service.tasks)
        if left and not self._is_forced():
            logger.error("Cancel %d running task(s), timeout graceful shutdown exceeded", left)
        why = "Task cancelled, timeout graceful shutdown exceeded"
        await cut_off(self._service, why, _AFTER_CANCEL)


async def cut_off(service: Service, why: str, within: float) -> None:
    """Cancel the tasks, which have some seconds to react, and abort the connections."""
    tasks = set(service.tasks)
    for task in tasks:
        task.cancel(msg=why)
    if tasks:
        await asyncio.wait(tasks, timeout=within)
    for connection in list(service.connections):
        connection.transport.abort()
