"""Variables that look like options: which are named in a warning, and with which advice."""

import pytest

from tricorn.settings.options import OPTIONS
from tricorn.settings.unread import warnings_of_unread


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("TRICORN_WORKRES", "; did you mean TRICORN_WORKERS?"),
        ("TRICORN_LOGLEVEL", "; did you mean TRICORN_LOG_LEVEL?"),
        ("UVICORN_HEADER", "; did you mean UVICORN_HEADERS?"),
        ("UVICORN_NO_ACCESS_LOG", "; did you mean UVICORN_ACCESS_LOG?"),
        ("UVICORN_BIND", "; use TRICORN_BIND"),
        ("TRICORN_CONFIG", "; use --config"),
        ("TRICORN_DEMO", "; use --demo"),
        ("TRICORN_XQZJ", ""),
        ("TRICORN_", ""),
    ],
)
def test_it_is_named(name: str, advice: str) -> None:
    environ = {"PATH": "/bin", name: "1", "TRICORN_PORT": "80"}
    assert warnings_of_unread(environ) == [f"{name} in the environment has no effect{advice}"]


def test_several_have_a_line_each() -> None:
    lines = warnings_of_unread({"UVICORN_PRT": "80", "TRICORN_HOTS": "::"})
    assert [line.partition(" ")[0] for line in lines] == ["TRICORN_HOTS", "UVICORN_PRT"]


def test_all_that_is_read_is_known() -> None:
    assert not warnings_of_unread({name: "1" for one in OPTIONS for name in one.environment})


@pytest.mark.parametrize(
    "name",
    [
        "TRICORN_TRANSPORT",
        "TRICORN_WORKER_ID",
        "TRICORN_SUCCEEDS",
        "TRICORN_COMPILE",
        # What Kubernetes sets for a service named tricorn.
        "TRICORN_SERVICE_HOST",
        "TRICORN_SERVICE_PORT",
        "TRICORN_SERVICE_PORT_HTTP",
        "TRICORN_PORT_8000_TCP",
        "TRICORN_PORT_8000_TCP_ADDR",
        # Not of these prefixes.
        "MY_TRICORN_PORTT",
        "tricorn_workres",
        "UVICORNE_PORT",
        "TRICORN_PORT\nError:",
    ],
)
def test_others_are_left_alone(name: str) -> None:
    assert not warnings_of_unread({name: "1"})
