"""Options from a TOML file."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tricorn.settings.errors import ConfigError
from tricorn.settings.option import Option
from tricorn.settings.options import OPTIONS

PYPROJECT = "pyproject.toml"


def read_file(path: str | None, directory: str = ".") -> tuple[dict[str, object], str]:
    """Raw values by option name, and how to call the file in messages.

    Without a `path`, the table [tool.tricorn] of pyproject.toml in `directory` counts, if it
    is there. Raises ConfigError for a file that can't be read and for unknown or repeated keys.
    """
    if path is None:
        project = Path(directory, PYPROJECT)
        if not project.is_file():
            return {}, ""
        return _tool_table(_load(project, PYPROJECT))
    if Path(path).name == PYPROJECT:
        return _tool_table(_load(Path(path), "--config"))
    return _options(_load(Path(path), "--config"), Path(path).name), Path(path).name


def _load(path: Path, where: str) -> dict[str, Any]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{where}: {str(path)!r} can't be read: {error.strerror}") from None
    if where == PYPROJECT and b"tricorn" not in content:
        return {}  # most projects: spare them the parser
    import tomllib

    try:
        return tomllib.loads(content.decode())
    except ValueError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"{where}: {str(path)!r} isn't valid TOML: {reason}") from None


def _tool_table(document: dict[str, Any]) -> tuple[dict[str, object], str]:
    name = "[tool.tricorn] of pyproject.toml"
    tool = document.get("tool", {})
    table = tool.get("tricorn", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise ConfigError("tool.tricorn in pyproject.toml is not a table of options")
    return _options(table, name), name


def _options(table: dict[str, Any], name: str) -> dict[str, object]:
    keys = _keys()
    given: dict[str, object] = {}
    for key, value in table.items():
        option = keys.get(key.replace("-", "_"))
        if option is None:
            raise ConfigError(f"{key!r} in {name} is not an option{nearest(key, keys)}")
        if option.name in given:
            raise ConfigError(f"{key!r} in {name} says {option.name} a second time")
        given[option.name] = value
    return given


def nearest(key: str, names: object) -> str:
    """`; did you mean ...?` for the known name closest to `key`, or nothing."""
    known = [str(name) for name in names]  # type: ignore[attr-defined]
    matches = get_close_matches(key.replace("-", "_"), known, n=1)
    return f"; did you mean {matches[0]!r}?" if matches else ""


def _keys() -> dict[str, Option]:
    """Options by the keys a file may use: their names, and what their flags say."""
    keys: dict[str, Option] = {}
    for option in OPTIONS:
        if option.in_sources:
            keys[option.positive_flag.lstrip("-").replace("-", "_").lower()] = option
            keys[option.name] = option
    return keys
