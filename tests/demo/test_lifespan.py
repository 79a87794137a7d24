import asyncio
import signal
from types import FrameType

import pytest

from tests.demo.caller import Call
from tricorn.demo.lifespan import Lifespan


def test_startup_and_shutdown_are_answered_and_known() -> None:
    async def run() -> None:
        lifespan = Lifespan()
        for _ in range(2):  # an app may be started again in the same process
            running = Call(lifespan, {"type": "lifespan"})
            running.put({"type": "lifespan.startup"})
            await running.sent_at_least(1)
            assert not lifespan.stopping
            running.put({"type": "lifespan.shutdown"})
            sent = (await running.end()).messages
            assert [message["type"] for message in sent] == [
                "lifespan.startup.complete",
                "lifespan.shutdown.complete",
            ]
            assert lifespan.stopping

    asyncio.run(run())


class Server:
    """As tricorn and Uvicorn look to `signal.getsignal`."""

    should_exit = False

    def handle_exit(self, signum: int, frame: FrameType | None) -> None:
        self.should_exit = True


def test_a_server_that_drains_is_noticed_before_lifespan_shutdown() -> None:
    server, lifespan = Server(), Lifespan()
    before = signal.signal(signal.SIGTERM, server.handle_exit)
    try:
        assert not lifespan.stopping
        signal.raise_signal(signal.SIGTERM)
        assert lifespan.stopping
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize("handler", [signal.SIG_DFL, signal.SIG_IGN, lambda *_: None])
def test_other_handlers_say_nothing(handler: signal.Handlers) -> None:
    before = signal.signal(signal.SIGTERM, handler)
    try:
        assert not Lifespan().stopping
    finally:
        signal.signal(signal.SIGTERM, before)
