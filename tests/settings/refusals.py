"""Sources that are resolved, and what is wrong with them."""

from pathlib import Path

import pytest

from tricorn.settings.errors import ConfigError
from tricorn.settings.sources import resolve


def refusal(line: dict[str, object] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        resolve(line or {})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def in_file(text: str, name: str = "tricorn.toml") -> dict[str, object]:
    """A command line that names a config file with `text`."""
    Path(name).write_text(text)
    return {"config": name}
