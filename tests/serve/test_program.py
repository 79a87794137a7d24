"""`Config` and `run`, as programs use them."""

import asyncio
import json
import logging
import socket
from typing import Any

import pytest

import tricorn
from tests.apps.plain import app
from tests.support.raw import RawClient
from tests.support.server import Server, serve
from tricorn.asgi.message_logger import MessageLoggerMiddleware
from tricorn.edge.forwarded import FORWARDING_FIELDS
from tricorn.serve.components import connection_limits, forwarder
from tricorn.serve.program import Config
from tricorn.serve.run import run
from tricorn.settings.errors import ConfigError
from tricorn.settings.options import BY_NAME


def config(target: Any = app, **options: Any) -> Config:
    return Config(target, log_config=None, **options)


def scope(server: Server, *fields: str, target: str = "/headers") -> dict[str, Any]:
    with server.connect() as client:
        found: dict[str, Any] = json.loads(client.get(target, *fields).body)
        return found


class TestConfig:
    def test_loading(self) -> None:
        made = config("tests.apps.plain:app")
        assert not made.loaded
        assert made.loaded_app is None
        made.load()
        assert made.loaded
        assert made.loaded_app is app
        assert made.interface == "asgi3"
        assert made.load_app() is app

    @pytest.mark.parametrize(
        ("name", "value"),
        [("port", 99999), ("backlog", -1), ("lifespan", "maybe"), ("headers", ["no colon"])],
    )
    def test_attributes_set_afterwards_are_judged(self, name: str, value: Any) -> None:
        made = config()
        setattr(made, name, value)
        with pytest.raises(ConfigError, match=name):
            made.load()

    def test_attributes_set_afterwards_count(self) -> None:
        made = config(None)
        made.app = app
        made.h11_max_incomplete_event_size = 100000
        made.timeout_keep_alive = 7
        made.load()
        assert made.loaded_app is app
        assert made.head_limits[1] == 100000
        assert connection_limits(made).keep_alive == 7

    @pytest.mark.parametrize("target", ["tests.apps.plain:missing", "no_such_module:app", "json"])
    def test_an_app_that_cannot_be_imported(
        self, target: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        with pytest.raises(SystemExit) as leaving:
            config(target).load()
        assert leaving.value.code == 3
        assert len(caplog.messages) == 1
        assert caplog.messages[0].startswith("Error loading ASGI app. ")

    def test_a_class_property_for_the_loaded_app(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As newrelic's agent wraps each app; it looks at `interface` meanwhile."""
        seen = []

        def set_app(self: Any, value: Any) -> None:
            seen.append((value, getattr(self, "interface", None)))
            self.kept = value and ("wrapped", value)

        monkeypatch.setattr(
            Config, "loaded_app", property(lambda self: self.kept, set_app), raising=False
        )
        made = config()
        made.load()
        assert made.loaded_app == ("wrapped", app)
        assert seen[-1] == (app, "auto")

    def test_a_loop_object_is_accepted(self) -> None:
        """Ray serve hands in the loop that runs; nobody asks it for a factory."""
        loop = object()
        assert config(loop=loop).loop is loop

    def test_the_socket_that_it_binds(self) -> None:
        with config(port=0).bind_socket() as sock:
            assert sock.getsockname()[0] == "127.0.0.1"
            # It listens by now, so whoever connects waits for the server.
            RawClient(sock.getsockname()).close()

    def test_a_socket_that_cannot_be_bound(self, caplog: pytest.LogCaptureFixture) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            with pytest.raises(SystemExit) as leaving:
                config(port=taken.getsockname()[1]).bind_socket()
        assert leaving.value.code == 3
        assert "the port is in use" in caplog.text

    @pytest.mark.parametrize(
        ("level", "wrapped"), [("trace", True), (5, True), ("debug", False), (None, False)]
    )
    def test_tracing_wraps_the_app(self, level: Any, wrapped: bool) -> None:
        logger = logging.getLogger("tricorn.error")
        before = logger.level
        try:
            made = config(log_level=level)
            made.load()
            assert isinstance(made.loaded_app, MessageLoggerMiddleware) is wrapped
        finally:
            for name in ("tricorn.error", "tricorn.access", "tricorn.asgi"):
                logging.getLogger(name).setLevel(before)


class TestForwarding:
    def test_the_names_are_those_that_are_known(self) -> None:
        known = {name.encode() for name in BY_NAME["forwarded_fields"].choices}
        assert known == FORWARDING_FIELDS

    def test_all_fields_by_default(self) -> None:
        with serve("plain:app") as server:
            found = scope(server, "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: example.com")
        assert found["client"] == ["192.0.2.7", 0]
        assert ["host", "example.com"] in found["headers"]

    def test_only_the_fields_named(self) -> None:
        options = ("--forwarded-field", "x-forwarded-for", "--forwarded-field=X-Forwarded-Proto")
        with serve("plain:app", *options) as server:
            found = scope(
                server,
                "X-Forwarded-For: 192.0.2.7",
                "X-Forwarded-Proto: https",
                "X-Forwarded-Host: example.com",
                "Forwarded: for=192.0.2.9",
            )
        assert found["client"] == ["192.0.2.7", 0]
        assert found["scheme"] == "https"
        assert ["host", "test"] in found["headers"]

    def test_a_peer_that_is_none_is_a_config_error(self) -> None:
        made = config()
        made.forwarded_allow_ips = "fe80::1/200"
        with pytest.raises(ConfigError, match="forwarded_allow_ips"):
            forwarder(made)
        with pytest.raises(ConfigError, match="forwarded_allow_ips"):
            made.load()

    def test_none_at_all(self) -> None:
        assert forwarder(config(proxy_headers=False)) is None


class TestRun:
    def test_an_unknown_option(self) -> None:
        with pytest.raises(TypeError, match="port"):
            run(app, prot=1)

    def test_a_bad_option(self) -> None:
        with pytest.raises(ConfigError, match="port"):
            run(app, port=-1)

    def test_within_a_loop(self) -> None:
        async def in_a_notebook() -> None:
            run(app, port=0, log_config=None)

        with pytest.raises(RuntimeError, match=r"await Server\(Config\(app\)\)\.serve\(\)"):
            asyncio.run(in_a_notebook())

    def test_a_start_that_fails_exits_with_3(self, caplog: pytest.LogCaptureFixture) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            with pytest.raises(SystemExit) as leaving:
                run(app, port=taken.getsockname()[1], log_config=None)
        assert leaving.value.code == 3

    def test_it_returns_when_it_is_done(self) -> None:
        class Once(tricorn.Server):
            async def main_loop(self) -> None:
                return

        Once(Config(app, port=0, log_config=None)).run()
