"""The pool of threads and the doorbell, without WSGI."""

import asyncio
import gc
import threading
from collections.abc import Callable

import pytest

from tests.support.wait import wait_for
from tricorn.asgi.wsgi_threads import Doorbell, ThreadPool

DEADLINE = 20.0


class Job:
    def __init__(self, do: Callable[[], object]) -> None:
        self.do = do

    def run(self) -> None:
        self.do()


def own_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "wsgi"}


@pytest.fixture
def before() -> set[threading.Thread]:
    """Threads of other tests' pools, which may still be on their way out."""
    gc.collect()
    wait_for(lambda: not own_threads(), what="no threads of other tests")
    return own_threads()


def test_jobs_begin_in_order() -> None:
    done: list[int] = []
    finished = threading.Event()
    pool = ThreadPool(1)
    for number in range(1000):
        pool.submit(Job(lambda number=number: done.append(number)))  # type: ignore[misc]
    pool.submit(Job(finished.set))
    assert finished.wait(DEADLINE)
    assert done == list(range(1000))


def test_no_thread_is_started_before_there_is_a_job(before: set[threading.Thread]) -> None:
    pool = ThreadPool(4)
    assert own_threads() == before
    pool.stop()


def test_an_idle_thread_is_used_again(before: set[threading.Thread]) -> None:
    pool = ThreadPool(10)
    for _ in range(50):
        done = threading.Event()
        pool.submit(Job(done.set))
        assert done.wait(DEADLINE)
    assert len(own_threads()) <= 5  # some may still be on their way to being idle


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_jobs_that_wait_let_others_run_up_to_the_limit(
    limit: int, before: set[threading.Thread]
) -> None:
    pool = ThreadPool(limit)
    running: list[int] = []
    go_on = threading.Event()
    ended: list[int] = []

    def wait() -> None:
        running.append(1)
        assert go_on.wait(DEADLINE)
        ended.append(1)

    for _ in range(limit + 3):
        pool.submit(Job(wait))
    wait_for(lambda: len(running) == limit, what="all threads at work")
    assert len(own_threads()) == limit
    go_on.set()
    wait_for(lambda: len(ended) == limit + 3, what="all jobs done")
    assert len(own_threads()) == limit


def test_no_job_is_forgotten_whoever_adds_it() -> None:
    pool = ThreadPool(4)
    done: list[int] = []
    submitters = 4
    each = 2000

    def submit() -> None:
        for _ in range(each):
            pool.submit(Job(lambda: done.append(1)))

    threads = [threading.Thread(target=submit) for _ in range(submitters)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    wait_for(lambda: len(done) == submitters * each, DEADLINE, "all jobs done")


def test_one_at_a_time_no_wake_up_is_lost() -> None:
    pool = ThreadPool(3)
    for _ in range(3000):
        done = threading.Lock()
        done.acquire()
        pool.submit(Job(done.release))
        assert done.acquire(timeout=DEADLINE)


def test_a_job_that_fails_is_told_and_its_thread_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise LookupError("in the job")

    pool = ThreadPool(1)
    pool.submit(Job(fail))
    done = threading.Event()
    pool.submit(Job(done.set))
    assert done.wait(DEADLINE)
    assert "A WSGI thread's job failed" in caplog.text and "in the job" in caplog.text


def test_the_threads_end_with_the_pool(before: set[threading.Thread]) -> None:
    pool = ThreadPool(3)
    barrier = threading.Barrier(3)
    for _ in range(3):
        pool.submit(Job(lambda: barrier.wait(DEADLINE)))
    wait_for(lambda: len(own_threads()) == 3)
    del pool
    gc.collect()
    wait_for(lambda: own_threads() == before, what="the threads have ended")


def test_a_pool_that_was_stopped_can_be_used_again(before: set[threading.Thread]) -> None:
    pool = ThreadPool(2)
    for _ in range(3):
        done = threading.Event()
        pool.submit(Job(done.set))
        assert done.wait(DEADLINE)
        pool.stop()
        wait_for(lambda: own_threads() == before, what="the threads have ended")


def test_threads_keep_no_process_alive(before: set[threading.Thread]) -> None:
    pool = ThreadPool(1)
    done = threading.Event()
    pool.submit(Job(done.set))
    assert done.wait(DEADLINE)
    assert all(thread.daemon for thread in own_threads())


class Listener:
    def __init__(self) -> None:
        self.looks = 0

    def look(self) -> None:
        self.looks += 1


def test_many_rings_before_the_loop_runs_wake_it_once() -> None:
    async def listen() -> None:
        loop = asyncio.get_running_loop()
        wakes: list[object] = []
        really = loop.call_soon_threadsafe

        def counting(*args: object, **options: object) -> object:
            wakes.append(args)
            return really(*args, **options)  # type: ignore[arg-type]

        loop.call_soon_threadsafe = counting  # type: ignore[method-assign, assignment]
        bell = Doorbell(loop)
        listeners = [Listener() for _ in range(100)]

        def ring() -> None:
            for listener in listeners:
                bell.ring(listener)

        for times in (1, 2):
            thread = threading.Thread(target=ring)
            thread.start()
            thread.join(DEADLINE)  # the loop can't run meanwhile
            assert len(wakes) == times
            await asyncio.sleep(0)
            assert [listener.looks for listener in listeners] == [times] * 100

    asyncio.run(listen())


def test_a_ring_at_a_closed_loop_does_nothing() -> None:
    loop = asyncio.new_event_loop()
    bell = Doorbell(loop)
    loop.close()
    listener = Listener()
    bell.ring(listener)
    assert listener.looks == 0


def test_rings_from_many_threads_all_arrive() -> None:
    async def listen() -> None:
        bell = Doorbell(asyncio.get_running_loop())
        listener = Listener()

        def ring() -> None:
            for _ in range(2000):
                bell.ring(listener)

        threads = [threading.Thread(target=ring) for _ in range(4)]
        for thread in threads:
            thread.start()
        async with asyncio.timeout(DEADLINE):
            while listener.looks < 8000:
                await asyncio.sleep(0.001)
        for thread in threads:
            thread.join(DEADLINE)
        assert listener.looks == 8000

    asyncio.run(listen())
