"""Clients that ask without a pause while a server is restarted, and look at each answer."""

import threading
from collections.abc import Callable
from typing import Self

from tests.support.raw import BadResponse, RawClient
from tests.support.wait import wait_for


class Load:
    """Half of the clients keep their connection as long as they may, half use each once.

    None rests on a kept connection, so that none races with its end (RFC 9112 §9.6), and
    each request has to be answered with ``expected``. What goes wrong is in ``failed``.
    """

    def __init__(
        self,
        connect: Callable[[], RawClient],
        target: str = "/",
        expected: bytes = b"fine",
        clients: int = 4,
    ) -> None:
        self.connect = connect
        self.target = target
        self.expected = expected
        self.answered = 0
        self.failed: list[object] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(number % 2 == 0,)) for number in range(clients)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.wait_answered(20)
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_answered(self, more: int) -> None:
        """Waits until so many further requests have been answered."""
        wanted = self.answered + more
        wait_for(lambda: self.failed or self.answered >= wanted, 20, f"{more} answers")
        self.check()

    def check(self) -> None:
        """Fails if a request has failed so far."""
        assert not self.failed, f"{len(self.failed)} of {self.answered}: {self.failed[:3]}"

    def _run(self, keep: bool) -> None:
        while not self._stop.is_set():
            try:
                with self.connect() as client:
                    self._use(client, keep)
            except (OSError, BadResponse) as error:
                self.failed.append(error)
                return

    def _use(self, client: RawClient, keep: bool) -> None:
        while not self._stop.is_set():
            response = client.get(self.target)
            with self._lock:
                self.answered += 1
            if (response.status, response.body) != (200, self.expected):
                self.failed.append(response)
            if not keep or response.header(b"connection") == b"close":
                return
