"""What one server counts, under Uvicorn's names: programs and its tests read it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tricorn.net.service import Service


class ServerState:
    """Counters of one server, under Uvicorn's names."""

    def __init__(self) -> None:
        self.service: Service | None = None
        self.default_headers: list[tuple[bytes, bytes]] = []

    @property
    def total_requests(self) -> int:
        """Responses completed."""
        return 0 if self.service is None else self.service.total_requests

    @property
    def connections(self) -> set[Any]:
        """The open connections."""
        return set() if self.service is None else self.service.connections

    @property
    def tasks(self) -> set[asyncio.Task[None]]:
        """The apps' tasks that are waiting for something."""
        return set() if self.service is None else self.service.tasks
