"""Configuration files in Python, which have to be run to know what they say."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from importlib import import_module
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from traceback import extract_tb
from typing import Any

from tricorn.translate.errors import Untranslatable

_NAME = "__config__"


def run_file(path: str) -> dict[str, Any]:
    """What the file's module holds after it ran. What it prints goes to stderr.

    Raises Untranslatable with the error and its line.
    """
    if not Path(path).is_file():
        raise Untranslatable(f"{path!r} can't be read: there is no such file")
    loader = SourceFileLoader(_NAME, path)
    spec = spec_from_loader(_NAME, loader)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[_NAME] = module
    try:
        with redirect_stdout(sys.stderr):
            loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise _failed(path, error) from None
    finally:
        sys.modules.pop(_NAME, None)
    return vars(module)


def import_object(name: str) -> Any:
    """A module, or an object in one, by its dotted name; looked for in the working directory too.

    Raises Untranslatable.
    """
    sys.path.insert(0, "")
    try:
        with redirect_stdout(sys.stderr):
            return _imported(name)
    except (Exception, SystemExit) as error:
        raise _failed(name, error) from None
    finally:
        sys.path.remove("")


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        module, dot, attribute = name.rpartition(".")
        if not dot:
            raise
        return getattr(import_module(module), attribute)


def _failed(place: str, error: BaseException) -> Untranslatable:
    """The error, and where in the file it was raised."""
    lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == place]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    where = f"line {line}: " if line else ""
    text = error.msg if isinstance(error, SyntaxError) else str(error).strip()
    what = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return Untranslatable(f"{place!r} can't be run: {where}{' '.join(what.split())}")
