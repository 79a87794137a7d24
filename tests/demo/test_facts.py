import os
import platform
import sys
from types import ModuleType

import pytest

import tricorn
from tests.demo.caller import call, http_scope
from tricorn.demo import Demo
from tricorn.demo.facts import Activity


def test_facts_of_this_process() -> None:
    facts = call(Demo(), http_scope(path="/facts")).json()
    assert facts["version"] == tricorn.__version__
    assert facts["python"].endswith(platform.python_version())
    assert facts["pid"] == os.getpid()
    assert facts["loop"] == "asyncio"
    assert facts["uptime"] >= 0
    assert facts["streams"] == 0


def test_requests_are_counted() -> None:
    demo = Demo()
    counts = [call(demo, http_scope(path="/facts")).json()["requests"] for _ in range(3)]
    assert counts == [1, 2, 3]


@pytest.mark.parametrize(
    ("file", "speed"),
    [("h1.py", "interpreted"), ("h1.cpython-311-x86_64-linux-gnu.so", "compiled"), (None, None)],
)
def test_speed(file: str | None, speed: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if file is None:
        monkeypatch.delitem(sys.modules, "tricorn.wire.h1", raising=False)
    else:
        engine = ModuleType("tricorn.wire.h1")
        engine.__file__ = file
        monkeypatch.setitem(sys.modules, "tricorn.wire.h1", engine)
    assert call(Demo(), http_scope(path="/facts")).json()["speed"] == speed


def test_a_stream_counts_while_it_is_open() -> None:
    activity = Activity()
    with activity.open_stream(), activity.open_stream():
        assert activity.now()["streams"] == 2
    with pytest.raises(RuntimeError), activity.open_stream():
        raise RuntimeError
    assert activity.now()["streams"] == 0
