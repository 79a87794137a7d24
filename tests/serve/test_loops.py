"""Which loop runs the server."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tricorn.serve.importer import ImportFromStringError
from tricorn.serve.loops import loop_factory


def made(loop: Any) -> asyncio.AbstractEventLoop:
    factory = loop_factory(loop)
    assert factory is not None
    loop = factory()
    loop.close()
    return loop  # type: ignore[no-any-return]


def test_none_leaves_it_to_asyncio() -> None:
    assert loop_factory("none") is None
    assert loop_factory(None) is None


def test_asyncio() -> None:
    assert isinstance(made("asyncio"), asyncio.SelectorEventLoop)


def test_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")
    assert isinstance(made("uvloop"), uvloop.Loop)
    assert isinstance(made("auto"), uvloop.Loop)


@pytest.fixture
def without_uvloop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)


@pytest.mark.usefixtures("without_uvloop")
def test_auto_without_uvloop() -> None:
    assert isinstance(made("auto"), asyncio.SelectorEventLoop)


@pytest.mark.usefixtures("without_uvloop")
def test_uvloop_that_is_not_installed() -> None:
    with pytest.raises(ImportFromStringError, match="--loop uvloop needs the package uvloop"):
        loop_factory("uvloop")


def test_a_factory_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_loop.py").write_text("from asyncio import SelectorEventLoop as make\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert isinstance(made("own_loop:make"), asyncio.SelectorEventLoop)


def test_a_factory_as_it_is() -> None:
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    assert loop_factory(factory) is factory


@pytest.mark.parametrize(
    ("loop", "words"),
    [
        ("no_such_module:make", "--loop no_such_module:make: Could not import module"),
        ("asyncio:no_such_name", "no_such_name"),
        ("sys:path", "--loop sys:path is not a function that makes an event loop"),
        (object(), "is not a function that makes an event loop"),
    ],
)
def test_what_is_no_factory(loop: Any, words: str) -> None:
    with pytest.raises(ImportFromStringError) as error:
        loop_factory(loop)
    assert words in str(error.value)
    assert "\n" not in str(error.value)
