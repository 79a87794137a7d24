"""What one option is: the record type of the table in `options`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """How an option's value is read and checked (`values`)."""

    TEXT = "text"
    NUMBER = "whole number"
    SECONDS = "seconds"
    BOOLEAN = "boolean"
    CHOICE = "choice"
    NAME = "name"  # a known name, or `module:attribute`
    LIST = "list"
    FILE = "file"
    MODE = "mode"
    LEVEL = "level"
    PEERS = "peers"
    FIELDS = "fields"
    WORKERS = "workers"  # a number, or `auto`
    HSTS = "hsts"  # the value of Strict-Transport-Security
    OBJECT = "object"  # only Python can give it


class Group(Enum):
    """The sections of `--help` and of the option reference, in their order."""

    APPLICATION = "Application"
    LISTENING = "Listening"
    HTTP = "HTTP"
    LIMITS = "Limits"
    TIMEOUTS = "Timeouts"
    LOGGING = "Logging"
    PROXY = "Proxy"
    LIFESPAN = "Lifespan"
    PROCESS = "Process"
    WORKERS = "Worker processes"
    RELOAD = "Reload"
    WEBSOCKETS = "WebSockets"
    TLS = "TLS"
    HTTP2 = "HTTP/2"


class Scope(Enum):
    """Where an option can be given."""

    ALL = "command line, environment, file, Config and run()"
    PYTHON = "Config and run()"
    CONFIG = "Config"
    PROGRAM = "command line, environment, file and run()"
    COMMAND = "command line, environment and file"
    LINE = "command line"


@dataclass(frozen=True, slots=True)
class Option:
    """One option, wherever it is given.

    `nullable` options take `None` in Python and `none` as text.
    """

    name: str
    group: Group
    kind: Kind
    default: object
    help: str
    flag: str = ""
    negative: bool = False  # the flag has a --no- twin
    valued: bool = False  # a boolean that takes its value as an argument
    # What the flag alone stands for, where its value may be left out. With choices, true stands
    # for it too, and false for `off`.
    bare: str = ""
    scope: Scope = Scope.ALL
    env: tuple[str, ...] = ()  # names honoured after TRICORN_<NAME> and UVICORN_<NAME>
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    nullable: bool = False
    unit: str = ""
    secret: bool = False
    ours: bool = False  # Uvicorn has no such option
    uvicorn: str = ""  # what differs from Uvicorn

    @property
    def flags(self) -> str:
        """How it is spelt on the command line: `--name` or `--name/--no-name`."""
        flag = self.flag or "--" + self.name.replace("_", "-")
        return f"{flag}/--no-{flag[2:]}" if self.negative else flag

    @property
    def positive_flag(self) -> str:
        """The spelling that turns it on."""
        return self.flags.partition("/")[0]

    @property
    def on_command_line(self) -> bool:
        return self.scope in (Scope.ALL, Scope.PROGRAM, Scope.COMMAND, Scope.LINE)

    @property
    def in_sources(self) -> bool:
        """Whether the environment and the file may give it."""
        return self.on_command_line and self.scope is not Scope.LINE

    @property
    def in_config(self) -> bool:
        return self.scope in (Scope.ALL, Scope.PYTHON, Scope.CONFIG)

    @property
    def in_run(self) -> bool:
        return self.scope in (Scope.ALL, Scope.PYTHON, Scope.PROGRAM)

    @property
    def environment(self) -> tuple[str, ...]:
        """The variables that set it, strongest first."""
        if not self.in_sources:
            return ()
        name = self.name.upper()
        prefixed = (f"TRICORN_{name}",) if self.ours else (f"TRICORN_{name}", f"UVICORN_{name}")
        return prefixed + self.env
