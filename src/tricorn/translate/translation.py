"""From a command to what tricorn is told instead, and what became of each option."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from tricorn.translate.daphne import DAPHNE
from tricorn.translate.errors import Untranslatable
from tricorn.translate.granian import GRANIAN
from tricorn.translate.gunicorn import GUNICORN
from tricorn.translate.hypercorn import HYPERCORN
from tricorn.translate.line import Line, read_line, refuse_shell
from tricorn.translate.reader import Setting
from tricorn.translate.row import Anyway, Asked, Became, Missing, Outcome, Surroundings
from tricorn.translate.source import FromFiles, Source
from tricorn.translate.uvicorn import UVICORN
from tricorn.translate.written import arguments, checked, quoted

SOURCES = {one.name: one for one in (UVICORN, GUNICORN, HYPERCORN, GRANIAN, DAPHNE)}
_LISTENING = ("host", "port", "bind", "uds", "fd")
NOTHING = "nothing to do"
NONE = "none"


class Told(NamedTuple):
    """What one setting became, for people."""

    shown: str
    place: str
    became: str
    note: str
    is_missing: bool = False


@dataclass
class Translation:
    """The result. `options` are tricorn's, by name; `told` is in the order of the settings."""

    source: Source
    line: Line
    app: str | None = None
    options: dict[str, object] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    directory: str = ""
    told: list[Told] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)

    def take(self, options: Mapping[str, object], where: str) -> None:
        """Add options. Lists grow; of anything else the last one counts."""
        for name, value in options.items():
            new = checked(name, value, where)
            old = self.options.get(name)
            if isinstance(old, list) and isinstance(new, list):
                new = [*old, *(one for one in new if one not in old)]
            self.options[name] = new

    def tell(self, setting: Setting, outcome: Outcome) -> None:
        """Carry out what a setting becomes."""
        where = f"{setting.row.name} in {setting.place}" if setting.place else setting.row.shown
        became, missing = NOTHING, False
        if isinstance(outcome, Became):
            self.take(outcome.options, where)
            mine = {name: checked(name, value, where) for name, value in outcome.options.items()}
            became = " ".join(map(quoted, arguments(mine))) or "the default"
        elif isinstance(outcome, Surroundings):
            self.environment |= outcome.environment
            self.directory = outcome.directory or self.directory
            became = " ".join(f"{name}={value}" for name, value in outcome.environment.items())
            became = became or f"cd {outcome.directory}"
        elif isinstance(outcome, Missing):
            became, missing = NONE, True
        self.told.append(Told(setting.shown, setting.place, became, outcome.note, missing))


def translate(words: Sequence[str], environ: Mapping[str, str]) -> Translation:
    """Translate a command, as one text or in words, or a configuration file by its path.

    `environ` is what the command's own variables are added to. It runs a configuration file that
    is written in Python. Raises Untranslatable with one line.
    """
    file = _is_file(words)
    if file:
        program = "hypercorn" if "hypercorn" in words[0] or words[0].endswith(".toml") else (
            "gunicorn")  # fmt: skip
        prefix = "file:" if program == "hypercorn" and words[0].endswith(".py") else ""
        words = [program, "--config", prefix + words[0]]
    line = read_line(words)
    refuse_shell(line.arguments)
    source = SOURCES.get(line.program)
    if source is None:
        raise Untranslatable(
            f"{line.program!r} is none of the servers whose commands can be translated:"
            f" {', '.join(SOURCES)}"
        )
    made = Translation(source, line)
    _fill(made, {**environ, **line.environment}, need_app=not file)
    return made


def _is_file(words: Sequence[str]) -> bool:
    name = words[0]
    return len(words) == 1 and name.endswith((".py", ".toml")) and Path(name).is_file()


def _fill(made: Translation, environ: Mapping[str, str], need_app: bool) -> None:
    source = made.source
    given, rest = source.reader.read(made.line.arguments)
    more = source.more(given, environ)
    settings = {one.row.name: one for one in (*more.settings, *given)}
    asked = {name: one.value for name, one in settings.items()}
    made.environment |= {
        name: value
        for name, value in made.line.environment.items()
        if not name.startswith(source.drops or ("=",))
    }
    _take_app(made, rest, asked, need_app)
    for setting in settings.values():
        made.tell(setting, setting.row.turn(setting.value, asked))
    _keep_defaults(made, asked)
    _pin(made, environ)
    _remark(made, more)


def _take_app(made: Translation, rest: list[str], asked: Asked, need_app: bool) -> None:
    title = made.source.title
    if len(rest) > 1:
        raise Untranslatable(f"{title} takes one application; {' and '.join(rest)} are too many")
    text = rest[0] if rest else asked.get("wsgi_app")
    if text:
        app = made.source.application(str(text), asked)
        made.app = app.name
        made.take(app.options, str(text))
        if app.note:
            made.remarks.append(app.note)
    elif need_app:
        raise Untranslatable(f"this command gives {title} no application, such as main:app")
    else:
        made.remarks.append("Name the application: `tricorn main:app`, or `app` in the file.")


def _keep_defaults(made: Translation, asked: Asked) -> None:
    for default in made.source.defaults:
        if any(name in asked for name in default.names) or not default.when(asked):
            continue
        new = {name: value for name, value in default.options.items() if name not in made.options}
        made.take(new, "default")
        words = " ".join(arguments(new))
        made.differences.append(f"{default.note} Kept: {words}" if words else default.note)


def _pin(made: Translation, environ: Mapping[str, str]) -> None:
    """Say what variables would say to tricorn, and don't to the program."""
    if "PORT" in made.source.ignores and environ.get("PORT"):
        if not any(name in made.options for name in _LISTENING):
            made.take({"host": "127.0.0.1", "port": 8000}, "default")
            made.remarks.append(f"{made.source.title} ignores PORT, and tricorn doesn't.")
    if "WEB_CONCURRENCY" in made.source.ignores and environ.get("WEB_CONCURRENCY"):
        if "workers" not in made.options:
            made.take({"workers": 1}, "default")
            made.remarks.append(f"{made.source.title} ignores WEB_CONCURRENCY; tricorn doesn't.")


def _remark(made: Translation, more: FromFiles) -> None:
    made.remarks = [*more.remarks, *made.remarks]


__all__ = ["NONE", "NOTHING", "SOURCES", "Anyway", "Told", "Translation", "translate"]
