"""Config as programs use it."""

import os
from pathlib import Path
from typing import Any

import pytest

from tricorn.net.address import Bind
from tricorn.settings.config import Config, build
from tricorn.settings.errors import ConfigError
from tricorn.settings.options import BY_NAME, CONFIG_PARAMETERS, DEFAULT_LOG_CONFIG


async def app(scope: Any, receive: Any, send: Any) -> None: ...


def refusal(**options: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        Config(app, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_option_is_an_attribute() -> None:
    config = Config(app)
    for name in CONFIG_PARAMETERS:
        assert hasattr(config, name)
    assert config.app is app
    assert config.log_config == DEFAULT_LOG_CONFIG


def test_positional_as_uvicorns() -> None:
    config = Config(app, "::1", 0, None, 3, "asyncio")
    assert (config.host, config.port, config.fd, config.loop) == ("::1", 0, 3, "asyncio")


def test_options_make_an_equal_config() -> None:
    config = Config(app, port=1, headers=[("X-A", "1")], uds_mode="600", bind=None)
    again = Config(config.app, **config.options())
    assert again.options() == config.options()
    assert again.uds_mode == 0o600


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"port": 70000}, "port: 70000 is not a whole number from 0 to 65535"),
        ({"lifespan": "yes"}, "lifespan: 'yes' is not one of auto, on, off"),
        ({"headers": ["X-A"]}, "headers: 'X-A' is not a field as Name:Value"),
        ({"env_file": "missing"}, "env_file: 'missing' is not a file that exists"),
        ({"uds": "/x", "fd": 0}, "uds and fd both say where to listen; give only one of them"),
        ({"bind": ":1", "port": 1}, "bind and port both say where to listen; give only one of"),
        ({"ssl_cert_reqs": 3}, "ssl_cert_reqs: 3 is not a whole number from 0 to 2"),
        ({"ssl_context_factory": 3}, "ssl_context_factory: 3 is not something to call"),
        ({"ws_max_size": 0}, "ws_max_size: 0 is not a whole number of at least 1"),
        (
            {"limit_ws_fragments": 10**18 + 1},
            "limit_ws_fragments: 1000000000000000001 is not a whole number of at most 10^18",
        ),
        ({"http2": "some"}, "http2: 'some' is not one of auto, tls, all, off"),
    ],
)
def test_a_bad_value_is_one_line(options: dict[str, Any], message: str) -> None:
    assert refusal(**options).startswith(message)


def test_a_config_error_is_a_value_error() -> None:
    assert issubclass(ConfigError, ValueError)


class TestWhatProgramsPass:
    """Shapes of real callers, each of which must be taken."""

    @pytest.mark.parametrize(
        "options",
        [
            {"loop": object(), "factory": True, "lifespan": "off"},  # a running loop
            {"http": dict},
            {"http": "package.module:Protocol"},
            {"log_level": "WARNING"},
            {"log_level": 30},
            {"log_config": None, "callback_notify": app, "timeout_notify": 5},
            {"log_config": {"version": 1}},
            {"uds": Path("run.sock")},
            {"host": None},
            {"reload_dirs": "src", "reload": True, "workers": 4},  # only the program acts on it
            {"ws": "wsproto"},
            {"ws": dict},
            {"ws": "none", "ws_ping_interval": None, "ws_per_message_deflate": False},
            {"forwarded_allow_ips": ["*"]},
            {"headers": None},
        ],
    )
    def test_is_taken(self, options: dict[str, Any]) -> None:
        config = Config(app, **options)
        for name, value in options.items():
            if name in ("loop", "http", "host", "workers", "factory"):
                assert getattr(config, name) is value

    def test_no_app(self) -> None:
        assert Config(None).app is None

    def test_attributes_may_be_reassigned_and_are_judged_again(self) -> None:
        config = Config(app)
        config.port = 9000
        config.headers = [("X-A", "1")]
        config.check()
        assert config.listen_addresses() == [Bind("tcp", "127.0.0.1", 9000)]
        config.port = 90000
        with pytest.raises(ConfigError, match="port: 90000"):
            config.check()

    def test_a_subclass_with_a_constructor_of_its_own(self) -> None:
        class Mine(Config):
            def __init__(self, app: Any, extra: int, **options: Any) -> None:
                super().__init__(app, **options)
                self.extra = extra

        config = Mine(app, 1, port=0)
        assert (config.extra, config.port, config.workers) == (1, 0, 1)


class TestEnvironment:
    def test_workers(self) -> None:
        os.environ["WEB_CONCURRENCY"] = "4"
        assert Config(app).workers == 4
        assert Config(app, workers=2).workers == 2

    @pytest.mark.parametrize(("text", "workers"), [("", 1), ("0", 1)])
    def test_workers_are_at_least_one(self, text: str, workers: int) -> None:
        os.environ["WEB_CONCURRENCY"] = text
        assert Config(app).workers == workers

    def test_trusted_proxies(self) -> None:
        assert Config(app).forwarded_allow_ips == "127.0.0.1,::1"
        os.environ["FORWARDED_ALLOW_IPS"] = "unix"
        assert Config(app).forwarded_allow_ips == "unix"
        assert Config(app, forwarded_allow_ips="*").forwarded_allow_ips == "*"
        os.environ["FORWARDED_ALLOW_IPS"] = ""
        assert Config(app).forwarded_allow_ips == ""

    def test_a_bad_variable_is_one_line(self) -> None:
        os.environ["WEB_CONCURRENCY"] = "many"
        message = "WEB_CONCURRENCY in the environment: 'many' is not auto or a whole number"
        assert refusal().startswith(message)

    def test_an_env_file_comes_first(self) -> None:
        Path(".env").write_text("WEB_CONCURRENCY=3\nFORWARDED_ALLOW_IPS=10.0.0.1\nX_Y_Z=1\n")
        config = Config(app, env_file=Path(".env"))
        assert (config.workers, config.forwarded_allow_ips) == (3, "10.0.0.1")
        assert os.environ["X_Y_Z"] == "1"

    def test_nothing_else_is_read(self) -> None:
        os.environ |= {"UVICORN_PORT": "1", "TRICORN_PORT": "1", "PORT": "1"}
        Path("pyproject.toml").write_text("[tool.tricorn]\nport = 1\n")
        assert Config(app).port == 8000


class TestWhatFollows:
    @pytest.mark.parametrize(
        ("options", "binds"),
        [
            ({}, [Bind("tcp", "127.0.0.1", 8000)]),
            ({"host": "::", "port": 0}, [Bind("tcp", "::", 0)]),
            ({"host": None}, [Bind("tcp", None, 8000)]),
            ({"host": ""}, [Bind("tcp", None, 8000)]),
            ({"uds": Path("/x"), "port": 1}, [Bind("unix", path="/x")]),
            ({"fd": 0}, [Bind("fd", fd=0)]),
            ({"bind": ":80"}, [Bind("tcp", None, 80)]),
            (
                {"bind": ["[::1]:80", "unix:/x"]},
                [Bind("tcp", "::1", 80), Bind("unix", path="/x")],
            ),
        ],
    )
    def test_where_to_listen(self, options: dict[str, Any], binds: list[Bind]) -> None:
        assert Config(app, **options).listen_addresses() == binds

    @pytest.mark.parametrize(
        ("options", "limits"),
        [
            ({}, (8192, 65536, 100)),
            ({"limit_request_line": 1, "limit_field_section": 2, "limit_fields": 3}, (1, 2, 3)),
            ({"h11_max_incomplete_event_size": 4096}, (4096, 4096, 100)),
            ({"h11_max_incomplete_event_size": 9, "limit_request_line": 5}, (5, 9, 100)),
            ({"h11_max_incomplete_event_size": 9, "limit_field_section": 5}, (9, 5, 100)),
        ],
    )
    def test_limits_of_a_head(self, options: dict[str, Any], limits: tuple[int, int, int]) -> None:
        assert Config(app, **options).head_limits == limits

    def test_headers_on_the_wire(self) -> None:
        config = Config(app, headers=[("X-A", "\xe9"), ("Server", "mine")])
        assert config.encoded_headers == [(b"x-a", b"\xe9"), (b"server", b"mine")]
        assert Config(app).encoded_headers == []
        config.headers = {"X-B": "1"}
        assert config.encoded_headers == [(b"x-b", b"1")]

    def test_versions_of_the_interface(self) -> None:
        for interface, version in {"asgi2": "2.0", "asgi3": "3.0", "wsgi": "3.0"}.items():
            assert Config(app, interface=interface).asgi_version == version  # type: ignore[arg-type]
        with pytest.raises(KeyError):
            _ = Config(app).asgi_version

    def test_processes(self) -> None:
        assert not Config("m:a").use_subprocess
        assert Config("m:a", workers=2).use_subprocess
        assert Config("m:a", reload=True).use_subprocess
        assert Config("m:a", reload=True).should_reload
        assert not Config(app, reload=True).should_reload

    def test_no_tls_yet(self) -> None:
        config = Config(app)
        assert not config.is_ssl
        config.ssl_certfile = "x"
        assert config.is_ssl


class TestBuild:
    def test_takes_what_run_takes(self) -> None:
        config = build("m:a", {"port": 1, "app_dir": "src"})
        assert (config.app, config.port) == ("m:a", 1)

    def test_makes_the_class_it_is_given(self) -> None:
        class Mine(Config):
            pass

        assert isinstance(build(app, {}, Mine), Mine)

    def test_an_unknown_name_suggests_the_nearest(self) -> None:
        with pytest.raises(TypeError, match="run\\(\\) has no option 'prot'; did you mean 'port'"):
            build(app, {"prot": 1})

    @pytest.mark.parametrize("name", ["callback_notify", "timeout_notify", "show_config", "demo"])
    def test_what_is_not_for_run(self, name: str) -> None:
        assert name in BY_NAME
        with pytest.raises(TypeError, match=name):
            build(app, {name: None})

    @pytest.mark.parametrize(
        ("options", "message"),
        [({"workers": -2}, "workers: -2 is not"), ({"http2": 7}, "http2: 7 is not one of")],
    )
    def test_a_program_refuses_what_it_cannot_do(
        self, options: dict[str, Any], message: str
    ) -> None:
        with pytest.raises(ConfigError, match=message):
            build("m:a", options)
