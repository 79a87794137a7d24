"""What `import tricorn` gives, and that it stays what Uvicorn's users expect."""

import importlib.util
import inspect
import subprocess
import sys
from typing import Any

import pytest
import uvicorn
from uvicorn.config import Config as UvicornConfig

import tricorn
from tests.apps.plain import app
from tricorn.settings.config import Config as Settings

# What programs call, set and override, in docs/embedding.md.
SERVER = {
    "methods": [
        "run",
        "serve",
        "startup",
        "main_loop",
        "on_tick",
        "shutdown",
        "capture_signals",
        "handle_exit",
    ],
    "attributes": [
        "config",
        "server_state",
        "started",
        "should_exit",
        "force_exit",
        "last_notified",
        "servers",
    ],
}
CONFIG = {
    "methods": ["load", "load_app", "configure_logging", "bind_socket", "get_loop_factory"],
    "attributes": [
        "loaded",
        "is_ssl",
        "use_subprocess",
        "should_reload",
        "encoded_headers",
        "workers",
    ],
}


def test_the_names() -> None:
    assert set(tricorn.__all__) == {"Config", "Server", "__version__", "run"}
    for name in tricorn.__all__:
        assert getattr(tricorn, name)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        tricorn.nothing  # noqa: B018


def test_the_import_is_light() -> None:
    """`tricorn --help` needs no server and no asyncio."""
    code = "import sys, tricorn; print([m for m in ('asyncio', 'uvloop') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (found.stdout, found.returncode) == ("[]\n", 0)


def config(kind: Any, **options: Any) -> Any:
    return kind(app, log_config=None, **options)


def test_config_takes_uvicorns_parameters() -> None:
    theirs = list(inspect.signature(UvicornConfig).parameters)
    ours = list(inspect.signature(Settings).parameters)
    assert ours[: len(theirs)] == theirs


@pytest.mark.parametrize("name", [*CONFIG["methods"], *CONFIG["attributes"], "asgi_version"])
def test_config_has_uvicorns_surface(name: str) -> None:
    ours, theirs = (config(kind, interface="asgi3") for kind in (tricorn.Config, uvicorn.Config))
    assert hasattr(theirs, name)
    assert callable(getattr(ours, name)) == callable(getattr(theirs, name))


@pytest.mark.parametrize("name", [*SERVER["methods"], *SERVER["attributes"]])
def test_server_has_uvicorns_surface(name: str) -> None:
    ours, theirs = (module.Server(config(module.Config)) for module in (tricorn, uvicorn))
    if name != "servers":  # made by Uvicorn's startup
        assert hasattr(theirs, name)
    assert hasattr(ours, name)


@pytest.mark.parametrize("name", [*SERVER["methods"]])
def test_servers_methods_take_uvicorns_arguments(name: str) -> None:
    ours = getattr(tricorn.Server, name)
    theirs = getattr(unpatched_uvicorn_server(), name)
    assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


def unpatched_uvicorn_server() -> type:
    """Uvicorn's Server as it is written: importing sse-starlette replaces a method of it."""
    place = uvicorn.server.__file__
    spec = importlib.util.spec_from_file_location("unpatched_uvicorn_server", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Server


@pytest.mark.parametrize("name", ["total_requests", "connections", "tasks", "default_headers"])
def test_the_servers_state(name: str) -> None:
    ours = tricorn.Server(config(tricorn.Config)).server_state
    theirs = uvicorn.Server(config(uvicorn.Config)).server_state
    assert getattr(ours, name) == getattr(theirs, name)


def test_run_takes_uvicorns_options() -> None:
    from tricorn.settings.options import RUN_PARAMETERS

    assert set(inspect.signature(uvicorn.run).parameters) <= set(RUN_PARAMETERS)
