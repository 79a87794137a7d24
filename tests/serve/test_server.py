"""`Server` as programs use it: in a thread, in a loop of their own, step by step."""

import asyncio
import contextlib
import logging
import random
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.apps.plain import app
from tests.serve.rig import address, get, in_thread, make
from tests.support.loops import FACTORIES
from tests.support.raw import RawClient
from tests.support.wait import wait_for
from tricorn import Config, Server
from tricorn.asgi.lifespan import Lifespan
from tricorn.serve.report import STARTUP_FAILURE
from tricorn.serve.signals import HANDLED_SIGNALS


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Whatever a test does, signal handlers are afterwards as they were."""
    before = [signal.getsignal(number) for number in HANDLED_SIGNALS]
    yield
    assert [signal.getsignal(number) for number in HANDLED_SIGNALS] == before


@pytest.fixture(params=FACTORIES)
def run(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """Runs a coroutine in a program's own loop."""

    def run(main: Callable[[], Any]) -> Any:
        async def within_deadline() -> Any:
            async with asyncio.timeout(60):
                return await main()

        with asyncio.Runner(loop_factory=FACTORIES[request.param]) as runner:
            result = runner.run(within_deadline())
            # Nothing of the server is left in a loop that goes on.
            assert asyncio.all_tasks(runner.get_loop()) == set()
            return result

    return run


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


class TestInAThread:
    def test_start_and_stop(self) -> None:
        server = make()
        assert not server.started
        with in_thread(server):
            assert get(server).body == b"Hello, world"
        assert server.started
        assert server.should_exit

    def test_a_subclass_that_installs_no_handlers(self) -> None:
        class ThreadServer(Server):
            def install_signal_handlers(self) -> None:
                raise AssertionError("nobody calls it")

            def stop(self) -> None:
                self.should_exit = True

        server = ThreadServer(Config(app, port=0, log_config=None))
        with in_thread(server):
            assert get(server).status == 200
            server.stop()

    def test_assigning_install_signal_handlers(self) -> None:
        server: Any = make()
        server.install_signal_handlers = lambda: None
        with in_thread(server):
            assert get(server).status == 200

    def test_several_at_once_and_again(self) -> None:
        for _ in range(2):
            one, two = make(), make()
            with in_thread(one), in_thread(two):
                assert address(one) != address(two)
                assert get(one).status == get(two).status == 200

    def test_a_bind_error_ends_the_thread(self, caplog: pytest.LogCaptureFixture) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            config = Config(app, port=taken.getsockname()[1], log_config=None)
            with pytest.raises(SystemExit) as leaving:
                Server(config).run()
        assert leaving.value.code == STARTUP_FAILURE
        assert "the port is in use" in caplog.text

    def test_sockets_of_the_programs(self) -> None:
        sock = socket.create_server(("127.0.0.1", 0))
        server = make()
        with in_thread(server, sockets=[sock]):
            assert address(server) == sock.getsockname()
            assert get(server).status == 200
        assert sock.fileno() == -1  # the server closes them, as Uvicorn does

    def test_force_exit_from_outside(self) -> None:
        server = make(timeout_graceful_shutdown=None)
        with in_thread(server) as thread, RawClient(address(server)) as client:
            client.send(b"GET /slow?seconds=60 HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: len(server.server_state.tasks) == 1)
            server.should_exit = True
            wait_for(lambda: not server.servers[0].sockets)
            server.force_exit = True
            thread.join(60)
            assert not thread.is_alive()


class TestInALoopOfTheProgram:
    def test_serve(self, run: Any) -> None:
        server = make()

        async def main() -> None:
            serving = asyncio.create_task(server.serve())
            await until(lambda: server.started)
            response = await asyncio.to_thread(get, server)
            assert response.body == b"Hello, world"
            server.should_exit = True
            await serving

        run(main)

    def test_a_gathering_program(self, run: Any) -> None:
        one, two = make(), make()

        async def main() -> None:
            async def stop() -> None:
                await until(lambda: one.started and two.started)
                await asyncio.to_thread(get, one)
                await asyncio.to_thread(get, two)
                one.should_exit = two.should_exit = True

            await asyncio.gather(one.serve(), two.serve(), stop())

        run(main)

    def test_one_after_the_other(self, run: Any) -> None:
        async def main() -> None:
            for _ in range(2):
                server = make()
                serving = asyncio.create_task(server.serve())
                await until(lambda s=server: s.started)
                assert (await asyncio.to_thread(get, server)).status == 200
                server.should_exit = True
                await serving

        run(main)

    def test_being_cancelled(self, run: Any) -> None:
        """A program that cancels its server's task gets its sockets back."""
        server = make()

        async def main() -> tuple[str, int]:
            serving = asyncio.create_task(server.serve())
            await until(lambda: server.started)
            place = address(server)
            serving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await serving
            await asyncio.sleep(0)
            return place

        place = run(main)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(place, 5)

    def test_should_exit_before_the_start(self, run: Any, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO, "tricorn.error")
        server = make()
        server.should_exit = True
        run(server.serve)
        assert caplog.messages[-2] == "Application shutdown complete."

    def test_the_loop_keeps_what_it_had(self, run: Any) -> None:
        async def main() -> None:
            server = make()
            loop = asyncio.get_running_loop()
            before = set(vars(loop)) if hasattr(loop, "__dict__") else set()
            serving = asyncio.create_task(server.serve())
            await until(lambda: server.started)
            await asyncio.to_thread(get, server)
            server.should_exit = True
            await serving
            assert "call_soon" not in (set(vars(loop)) - before if before else set())

        run(main)


class TestStepByStep:
    def test_as_streamlit_does(self, run: Any) -> None:
        sock = socket.create_server(("127.0.0.1", 0))

        async def main() -> None:
            config = Config(app, log_config=None, ws_ping_interval=None)
            assert config.backlog == 2048
            config.host, config.port = sock.getsockname()
            server = Server(config)
            if not config.loaded:
                config.load()
            server.lifespan = config.lifespan_class(config)
            await server.startup(sockets=[sock])
            assert server.started
            assert not server.should_exit
            looping = asyncio.create_task(server.main_loop())
            assert (await asyncio.to_thread(get, server, "/state")).body == b"the lifespan was here"
            server.should_exit = True
            await looping
            await server.shutdown(sockets=[sock])

        run(main)
        assert sock.fileno() == -1

    def test_binding_first(self, run: Any) -> None:
        async def main() -> None:
            config = Config(app, port=0, log_config=None)
            sock = config.bind_socket()
            port = sock.getsockname()[1]
            assert port
            server = Server(config)
            serving = asyncio.create_task(server.serve(sockets=[sock]))
            await until(lambda: server.started)
            assert address(server) == ("127.0.0.1", port)
            assert (await asyncio.to_thread(get, server)).status == 200
            server.should_exit = True
            await serving

        run(main)

    def test_startup_binds_where_nothing_else_has(self, run: Any) -> None:
        async def main() -> None:
            server = make()
            server.config.load()
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup()
            assert (await asyncio.to_thread(get, server)).status == 200
            await server.shutdown()

        run(main)

    def test_a_startup_that_fails(self, run: Any, caplog: pytest.LogCaptureFixture) -> None:
        async def broken(scope: Any, receive: Any, send: Any) -> None:
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no database"})

        server = make(broken)
        run(server.serve)
        assert not server.started
        assert server.should_exit
        assert "no database" in caplog.text

    def test_a_lifespan_of_its_own(self) -> None:
        """As ray serve uses the class alone."""

        async def main() -> None:
            lifespan = Lifespan(app, "on")
            lifespan.logger = logging.getLogger("mine")
            await lifespan.startup()
            assert not lifespan.should_exit
            assert lifespan.state == {"started": "the lifespan was here"}
            await lifespan.shutdown()

        asyncio.run(main())

    def test_overriding_steps(self) -> None:
        steps = []

        class Steps(Server):
            async def startup(self, sockets: Any = None) -> None:
                steps.append("startup")
                await super().startup(sockets)

            async def main_loop(self) -> None:
                steps.append("main_loop")

            async def shutdown(self, sockets: Any = None) -> None:
                steps.append("shutdown")
                await super().shutdown(sockets)

        Steps(Config(app, port=0, log_config=None)).run()
        assert steps == ["startup", "main_loop", "shutdown"]


class TestSignals:
    @pytest.fixture
    def caught(self) -> Iterator[list[int]]:
        """The signals that a handler of the program's own gets."""
        numbers: list[int] = []
        before = signal.signal(signal.SIGTERM, lambda number, frame: numbers.append(number))
        yield numbers
        signal.signal(signal.SIGTERM, before)

    def test_a_program_gets_its_signal_back(self, run: Any, caught: list[int]) -> None:
        server = make()

        async def main() -> None:
            serving = asyncio.create_task(server.serve())
            await until(lambda: server.started)
            handler = signal.getsignal(signal.SIGTERM)
            assert handler == server.handle_exit
            signal.raise_signal(signal.SIGTERM)
            assert server.should_exit
            assert caught == []
            await serving

        run(main)
        assert caught == [signal.SIGTERM]

    def test_the_handler_can_be_replaced_on_the_class(
        self, run: Any, caught: list[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As sse-starlette does."""
        seen = []
        original = Server.handle_exit

        def handle_exit(self: Server, *args: Any) -> None:
            seen.append(self)
            original(self, *args)

        monkeypatch.setattr(Server, "handle_exit", handle_exit)
        server = make()

        async def main() -> None:
            serving = asyncio.create_task(server.serve())
            await until(lambda: server.started)
            signal.raise_signal(signal.SIGTERM)
            await serving

        run(main)
        assert (seen, caught) == ([server], [signal.SIGTERM])

    def test_two_servers_end_with_one_signal(self, run: Any, caught: list[int]) -> None:
        one, two = make(), make()

        async def main() -> None:
            serving = asyncio.gather(one.serve(), two.serve())
            await until(lambda: one.started and two.started)
            signal.raise_signal(signal.SIGTERM)
            await serving

        run(main)
        assert caught == [signal.SIGTERM]

    def test_a_program_that_captures_none(self, run: Any) -> None:
        class Quiet(Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield

        server = Quiet(Config(app, port=0, log_config=None))
        before = signal.getsignal(signal.SIGTERM)

        async def main() -> None:
            serving = asyncio.create_task(server.serve())
            await until(lambda: server.started)
            assert signal.getsignal(signal.SIGTERM) == before
            server.should_exit = True
            await serving

        run(main)

    def test_calling_handle_exit(self) -> None:
        server = make()
        server.handle_exit(signal.SIGTERM, None)
        assert (server.should_exit, server.force_exit) == (True, False)
        server.handle_exit(signal.SIGTERM, None)
        assert not server.force_exit
        server.handle_exit(signal.SIGINT, None)
        assert server.force_exit


class TestState:
    def test_connections_tasks_and_requests(self) -> None:
        server = make()
        state = server.server_state
        assert (state.total_requests, state.connections, state.tasks) == (0, set(), set())
        with in_thread(server), RawClient(address(server)) as client:
            client.get("/")
            client.get("/")
            assert state.total_requests == 2
            assert len(state.connections) == 1
            client.send(b"GET /slow?seconds=60 HTTP/1.1\r\nHost: a\r\n\r\n")
            wait_for(lambda: len(state.tasks) == 1)
            for connection in list(state.connections):
                connection.transport.get_extra_info("peername")
            client.reset()
            for task in list(state.tasks):
                task.get_loop().call_soon_threadsafe(task.cancel)
            wait_for(lambda: not state.tasks)
            wait_for(lambda: not state.connections)

    def test_the_notifying_callback(self) -> None:
        calls = []

        async def notify() -> None:
            calls.append(asyncio.get_running_loop())

        server = make(callback_notify=notify, timeout_notify=0)
        with in_thread(server):
            wait_for(lambda: len(calls) >= 2)

    def test_the_most_requests(self) -> None:
        server = make(limit_max_requests=2)
        with in_thread(server) as thread:
            place = address(server)
            for _ in range(2):
                with RawClient(place) as client:
                    assert client.get("/").status == 200
            thread.join(60)
            assert not thread.is_alive()

    def test_jitter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(random, "randint", lambda least, most: most)
        server = make(limit_max_requests=10, limit_max_requests_jitter=5)
        assert server.limit_max_requests == 15
        monkeypatch.undo()
        assert server.limit_max_requests == 15  # drawn once
        found = {
            make(limit_max_requests=10, limit_max_requests_jitter=5).limit_max_requests
            for _ in range(200)
        }
        assert found <= set(range(10, 16))
        assert len(found) > 1
        assert make().limit_max_requests is None
