"""Threads that run WSGI apps, and the way back from them to an event loop.

Both ways are made so that many requests cost one wake-up. Waking a thread costs more
than running a small app, and under the GIL threads that are woken too early only queue.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
import weakref
from collections import deque
from typing import Final, Protocol

from tricorn.product import product_logger

logger = product_logger("error")

_NOTHING: Final = contextvars.Context()


class Job(Protocol):
    """Something to do in a thread."""

    def run(self) -> None: ...


class Answerable(Protocol):
    """Something in a loop that threads have news for."""

    def look(self) -> None: ...


class ThreadPool:
    """At most `limit` threads, started when they are needed. Jobs begin in order.

    The threads are daemons and keep no process alive. They end with `stop()`, or when
    nobody holds the pool any more.
    """

    def __init__(self, limit: int) -> None:
        self._crew = _Crew(limit)
        # The threads hold the crew and not the pool.
        weakref.finalize(self, self._crew.dismiss)

    def submit(self, job: Job) -> None:
        """Have `job.run()` called in a thread."""
        self._crew.submit(job)

    def stop(self) -> None:
        """Have the threads end, each when it has no more to do; a later job starts new ones."""
        self._crew.dismiss()


class _Crew:
    """Threads that take jobs from one queue, and call each other to it.

    One thread at most is on its way to the queue: whoever adds jobs calls one, and that one
    calls the next when it has taken a job and sees another. An app that waits for something
    lets the next thread run, so as many threads run as apps wait; apps that only compute are
    all run by one or two.

    Attributes change by single steps that the GIL makes atomic. The order matters: jobs
    are added before `called` is read, and `called` is cleared before jobs are looked for.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.jobs: deque[Job] = deque()
        self.threads: set[_Thread] = set()
        self.idle: list[_Thread] = []
        self.called = False
        self.dismissed = False

    def submit(self, job: Job) -> None:
        self.dismissed = False
        self.jobs.append(job)
        if not self.called:
            self.call()

    def call(self) -> None:
        """Call a thread that is idle, or a new one. All busy: one will come by itself."""
        try:
            thread = self.idle.pop()
        except IndexError:
            if len(self.threads) < self.limit:
                self.called = True
                thread = _Thread(self)
                self.threads.add(thread)
                thread.start()
            return
        self.called = True
        thread.wake_up.release()

    def dismiss(self) -> None:
        self.dismissed = True
        while self.idle:
            try:
                self.idle.pop().wake_up.release()
            except IndexError:
                pass  # called meanwhile


class _Thread(threading.Thread):
    """One of the crew."""

    def __init__(self, crew: _Crew) -> None:
        super().__init__(name="wsgi", daemon=True)
        self.crew = crew
        self.is_called = True
        self.wake_up = threading.Lock()
        self.wake_up.acquire()

    def run(self) -> None:
        crew = self.crew
        while True:
            try:
                job = crew.jobs.popleft()
            except IndexError:
                self._arrive()
                if crew.jobs:
                    continue
                if crew.dismissed:
                    break
                self._wait()
                continue
            self._arrive()
            if crew.jobs and not crew.called:
                crew.call()
            _do(job)
            del job  # keep nothing alive while waiting
        crew.threads.discard(self)

    def _arrive(self) -> None:
        if self.is_called:
            self.is_called = False
            self.crew.called = False

    def _wait(self) -> None:
        crew = self.crew
        crew.idle.append(self)
        if crew.jobs or crew.dismissed:
            # Added while nobody was idle. Go back, unless somebody has just called.
            try:
                crew.idle.remove(self)
            except ValueError:
                pass
            else:
                return
        self.wake_up.acquire()
        self.is_called = True


def _do(job: Job) -> None:
    try:
        job.run()
    except BaseException:
        logger.exception("A WSGI thread's job failed")


class Doorbell:
    """Tells one loop that threads have news for it: many pieces of news cost one ring.

    A ring wakes the loop from its system call, which is dear. Under load a thread
    finishes several requests before the loop gets to run.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._news: deque[Answerable] = deque()
        self._rung = False

    def ring(self, whom: Answerable) -> None:
        """Have `whom.look()` called in the loop. Called in any thread."""
        self._news.append(whom)
        if not self._rung:
            self._rung = True
            try:
                self.loop.call_soon_threadsafe(self._answer, context=_NOTHING)
            except RuntimeError:
                pass  # the loop is closed, so nobody waits for news

    def _answer(self) -> None:
        # Before the news is looked at: what comes now rings again.
        self._rung = False
        news = self._news
        while news:
            news.popleft().look()
