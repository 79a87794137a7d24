"""The option reference, docs/options.md, from the table.

`python -m tricorn.settings.reference` writes it; with `--check` it compares, and
exits with 1 when the page is out of date.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final

from tricorn.settings.option import Group, Option, Scope
from tricorn.settings.options import OPTIONS
from tricorn.settings.show import default_text

PAGE: Final = Path("docs", "options.md")

INTRODUCTION: Final = """\
# Options

<!-- Made from src/tricorn/settings/options.py by `python -m tricorn.settings.reference`. -->

Every option has one name and four places where it can be given. Where several
give it, the later one wins:

1. a TOML file: `--config tricorn.toml`, or the table `[tool.tricorn]` in the
   `pyproject.toml` of the working directory. Keys are the Python names below,
   with `_` or `-`: `log-level = "debug"`. `app` names the application. Paths are
   relative to the working directory;
2. the environment: `TRICORN_` and the Python name in capitals,
   `TRICORN_LOG_LEVEL=debug`. Uvicorn's variables, `UVICORN_LOG_LEVEL`, work for
   every option that Uvicorn has; tricorn's own name wins. A list is split at white
   space, a boolean is `true` or `false` (also `1`, `0`, `yes`, `no`, `on`, `off`),
   and an empty variable counts as not set. A variable of these two prefixes that
   is no option's is named in a warning when the server starts;
3. the command line;
4. in Python, `tricorn.run(app, port=8080)` and `tricorn.Config(app, port=8080)`
   take the Python names. They read neither file nor environment, except
   `WEB_CONCURRENCY` and `FORWARDED_ALLOW_IPS`.

`tricorn --show-config` prints each value and where it came from. A value that
can't be used is refused with one line and exit code 2.

Two options that exclude each other (`--bind` and `--port`, `--uds` and `--fd`)
are an error in one source. From two sources, the stronger one wins.

Times are in seconds, sizes in bytes. `none` takes back an option that has no
value by default or whose help says so: `--timeout-graceful-shutdown none`.

Options marked *not there yet* belong to features that are still to come. Their
default, or a value that asks for nothing, is accepted; anything else is refused.

[uvicorn.md](uvicorn.md) gives the reasons where tricorn departs from Uvicorn.
"""

VARIABLES: Final = """\
## Variables without a prefix

| Variable | Same as | When |
|---|---|---|
| `WEB_CONCURRENCY` | `--workers` | neither prefixed variable nor command line says it |
| `FORWARDED_ALLOW_IPS` | `--forwarded-allow-ips` | the same. Empty trusts nobody |
| `PORT` | `--host 0.0.0.0 --port $PORT` | nothing else says where to listen; command line only |

They also count when they are in the file of `--env-file`. Prefixed variables in
that file don't: it is read after them, for the application.
"""


def page() -> str:
    """The text of docs/options.md."""
    sections = [INTRODUCTION, *(_section(group) for group in Group), VARIABLES]
    return "\n".join(sections)


def _section(group: Group) -> str:
    rows = [_row(option) for option in OPTIONS if option.group is group]
    head = ["| Command line | Python | Default | Meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {group.value}", "", *head, *rows, ""])


def _row(option: Option) -> str:
    flag = f"`{option.flags.replace('/', '`<br>`')}`" if option.on_command_line else ""
    name = f"`{option.name}`" if option.in_config or option.in_run else ""
    default = default_text(option)
    cells = [flag, name, f"`{default}`" if default else "", _meaning(option)]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _meaning(option: Option) -> str:
    text = as_code(option.help)
    if option.choices:
        text += " One of " + ", ".join(f"`{choice}`" for choice in option.choices) + "."
    if option.unit:
        text += f" In {option.unit}."
    text += {Scope.CONFIG: " `Config` only.", Scope.PROGRAM: " Not in `Config`."}.get(
        option.scope, ""
    )
    if option.ours:
        text += " *tricorn's own.*"
    if option.uvicorn:
        text += f" *Differs from Uvicorn:* {as_code(option.uvicorn)}"
    return text


def as_code(text: str) -> str:
    """Flags and globs that the table writes plainly, for Markdown."""
    text = re.sub(r"(?<![`\w-])(--[a-z][a-z0-9-]+)", r"`\1`", text)
    return re.sub(r"(?<!`)(X-Forwarded-\*)", r"`\1`", text)


def main(arguments: list[str], path: Path = PAGE) -> int:
    """Write the page, or with `--check` compare it; the exit code."""
    text = page()
    if arguments == ["--check"]:
        if path.is_file() and path.read_text() == text:
            return 0
        print(f"{path} is out of date; run: python -m tricorn.settings.reference", file=sys.stderr)
        return 1
    if arguments:
        print("usage: python -m tricorn.settings.reference [--check]", file=sys.stderr)
        return 2
    path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
