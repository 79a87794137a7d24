"""Finding the object that an import string such as `main:app` names."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from tricorn.serve.user_error import UserCodeError

APP_NAMES = ("app", "application")


class ImportFromStringError(Exception):
    """An import string names nothing. `str()` is one line that says what to do.

    `exit_code` is what a program that can't go on should exit with.
    """

    exit_code = 3


def insert_app_dir(app_dir: str) -> None:
    """Put a directory first on the module search path.

    Raises `ImportFromStringError` when there is no such directory.
    """
    # Absolute, since the app may change the working directory before its later imports.
    path = os.path.abspath(app_dir)
    if not os.path.isdir(path):
        raise ImportFromStringError(f"--app-dir: there is no directory {app_dir}")
    if sys.path[:1] != [path]:
        sys.path.insert(0, path)


def import_from_string(import_str: Any) -> Any:
    """The object that `module:attribute.attribute` names; anything but a string is returned.

    Raises `ImportFromStringError` when there is no such module or attribute, and
    `UserCodeError`, with the user's traceback, when the module itself fails.
    """
    if not isinstance(import_str, str):
        return import_str
    module_name, attributes = _split(import_str)
    if not attributes:
        raise ImportFromStringError(
            f'Import string "{import_str}" must be in format "<module>:<attribute>".'
            + _dotted_hint(import_str)
        )
    return _find_attribute(_import_module(module_name, attributes), module_name, attributes)


def import_app(import_str: str) -> tuple[Any, str]:
    """The application and the full import string; `module` alone tries `app`, `application`.

    Raises as `import_from_string` does.
    """
    module_name, attributes = _split(import_str)
    if attributes:
        return import_from_string(import_str), import_str
    module = _import_module(module_name, APP_NAMES[0])
    for name in APP_NAMES:
        try:
            return _find_attribute(module, module_name, name), f"{module_name}:{name}"
        except ImportFromStringError:
            continue
    raise ImportFromStringError(
        f'Module "{module_name}" has neither "app" nor "application". '
        f'Say which object to serve: "{module_name}:NAME".{_namesake(module)}'
    )


def _split(import_str: str) -> tuple[str, str]:
    """Module and attributes; the latter is empty when there is no colon."""
    module_name, colon, attributes = import_str.partition(":")
    parts = [*module_name.split("."), *attributes.split(".")] if colon else module_name.split(".")
    _refuse_path(module_name, attributes or APP_NAMES[0])
    if not all(part.isidentifier() for part in parts):
        raise ImportFromStringError(
            f'Import string "{import_str}" must be in format "<module>:<attribute>".'
        )
    return module_name, attributes


def _refuse_path(module_name: str, attributes: str) -> None:
    """Someone who gives a file's path is told its import string, before anything runs."""
    path = module_name.replace("\\", "/")
    if "/" not in path and not (path.endswith(".py") and _is_found(path)):
        return
    directory, _, name = path.removesuffix(".py").removeprefix("./").rpartition("/")
    hint = f'Did you mean "{name}:{attributes}"'
    if directory:
        hint += f" with --app-dir {directory}"
    raise ImportFromStringError(f'"{module_name}" is a path, not a module. {hint}?')


def _is_found(path: str) -> bool:
    return any(os.path.isfile(os.path.join(entry, path)) for entry in ("", *sys.path))


def _dotted_hint(module_name: str) -> str:
    module, _, attribute = module_name.rpartition(".")
    return f' Did you mean "{module}:{attribute}"?' if module else ""


def _import_module(name: str, attributes: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not _is_within(error.name, name):
            raise UserCodeError(f'Importing "{name}" failed', error) from error
        raise ImportFromStringError(_missing_module(name, attributes, error)) from None
    except Exception as error:
        raise UserCodeError(f'Importing "{name}" failed', error) from error


def _is_within(missing: str | None, name: str) -> bool:
    """Is the missing module the one asked for, or a package that it would be in?"""
    return missing is not None and (name == missing or name.startswith(missing + "."))


def _missing_module(name: str, attributes: str, error: ModuleNotFoundError) -> str:
    message = f'Could not import module "{name}".'
    missing = error.name or name
    parent, _, attribute = missing.rpartition(".")
    if parent and parent in sys.modules:
        if not hasattr(sys.modules[parent], "__path__") and missing == name:
            return f'{message} "{parent}" is a module. Did you mean "{parent}:{attribute}"?'
        search = getattr(sys.modules[parent], "__path__", [])
        near = _nearest(attribute, _modules_in(search))
        hint = f' Did you mean "{parent}.{near}:{attributes}"?' if near else ""
        return f'{message} The package "{parent}" has no "{attribute}".{hint}'
    near = _nearest(missing, _modules_in(sys.path[:1])) if not parent else None
    if near:
        return f'{message} Did you mean "{near}:{attributes}"?'
    first = os.path.abspath(sys.path[0]) if sys.path else os.getcwd()
    return f"{message} There is none in {first} or installed; --app-dir names another directory."


def _modules_in(search: Iterable[str]) -> list[str]:
    import pkgutil  # needed for a mistake alone

    return [module.name for module in pkgutil.iter_modules(search)]


def _find_attribute(module: ModuleType, module_name: str, attributes: str) -> Any:
    found: Any = module
    for name in attributes.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            if error.name not in (None, name):
                raise UserCodeError(f'Looking up "{attributes}" failed', error) from error
            near = _nearest(name, [n for n in dir(found) if not n.startswith("__")])
            hint = (
                f' Did you mean "{module_name}:{_replaced(attributes, name, near)}"?'
                if near
                else ""
            )
            message = f'Attribute "{attributes}" not found in module "{module_name}".'
            raise ImportFromStringError(message + (_namesake(module) or hint)) from None
        except Exception as error:
            raise UserCodeError(f'Looking up "{attributes}" failed', error) from error
    return found


def _namesake(module: ModuleType) -> str:
    """A hint where a file of the user's has the name of what was imported before it."""
    found = getattr(module, "__file__", None) or "Python itself"
    path = os.path.abspath(os.path.join(*sys.path[:1], *module.__name__.split(".")) + ".py")
    if not os.path.isfile(path) or (os.path.exists(found) and os.path.samefile(path, found)):
        return ""
    return f" It was found in {found}, and not in {path}: rename yours."


def _replaced(attributes: str, name: str, near: str) -> str:
    return ".".join(near if part == name else part for part in attributes.split("."))


def _nearest(name: str, known: list[str]) -> str | None:
    import difflib  # needed for a mistake alone

    close = difflib.get_close_matches(name, known, n=1)
    return close[0] if close else None
