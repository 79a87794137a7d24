"""A command line as people have it: in a shell, a Procfile, a unit or a Dockerfile."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from tricorn.translate.errors import Untranslatable

_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_PYTHON = re.compile(r"python(\d(\.\d+)?)?|pypy3?")
_LABEL = re.compile(r"^(ExecStart=|[a-z][\w-]*:\s|CMD\s|ENTRYPOINT\s|exec\s)\s*")
_STARTERS = (
    ("exec",), ("env",), ("nohup",), ("uv", "run"), ("poetry", "run"), ("pipenv", "run"),
    ("pdm", "run"), ("hatch", "run"), ("rye", "run"),
)  # fmt: skip
_TAKES_VALUE = ("-W", "-X")
# What a shell does with a line, and a translation can't.
_SHELL = re.compile(r"[;&|<>]|&&|\|\||\d?>&?\d?|.*\$\(.*")


@dataclass(frozen=True, slots=True)
class Line:
    """`environment PROGRAM arguments`, with what stands before the program, such as `exec`."""

    environment: dict[str, str]
    before: tuple[str, ...]  # words that stay: `uv run`, `python -O -m`
    program: str
    folder: str  # the program's, with a slash at its end
    arguments: tuple[str, ...]


def read_line(words: Sequence[str]) -> Line:
    """Take apart a command: one word that holds all of it, or its words.

    Raises Untranslatable when there is no program in it.
    """
    parts = _split(words[0]) if len(words) == 1 else list(words)
    environment: dict[str, str] = {}
    before: list[str] = []
    while parts:
        assignment = _ASSIGNMENT.fullmatch(parts[0])
        starter = next((s for s in _STARTERS if tuple(parts[: len(s)]) == s), None)
        if assignment:
            environment[assignment[1]] = assignment[2]
            del parts[0]
        elif starter:
            before += starter
            del parts[: len(starter)]
        else:
            break
    if not parts:
        raise Untranslatable("there is no program in this command")
    path = PurePath(parts[0])
    if _PYTHON.fullmatch(path.name):
        return _of_python(parts, environment, before)
    folder = parts[0].removesuffix(path.name)
    program = path.name.removesuffix(".exe")
    return Line(environment, tuple(before), program, folder, tuple(parts[1:]))


def _split(text: str) -> list[str]:
    text = _LABEL.sub("", text.strip()) if not text.lstrip().startswith("exec ") else text.strip()
    try:
        if text.startswith("["):
            words = json.loads(text)
            if isinstance(words, list) and all(isinstance(word, str) for word in words):
                return words
        return shlex.split(text.replace("\\\n", " "))  # a line that goes on
    except ValueError as error:
        raise Untranslatable(f"the command can't be split into words: {error}") from None


def _of_python(parts: list[str], environment: dict[str, str], before: list[str]) -> Line:
    """`python -m MODULE arguments`, where python's own options stay."""
    index = 1
    while index < len(parts) and parts[index].startswith("-") and parts[index] != "-m":
        index += 2 if parts[index] in _TAKES_VALUE else 1
    if index + 1 >= len(parts) or parts[index] != "-m":
        raise Untranslatable(
            "python is started with a file of yours; for a program that calls uvicorn.run() see"
            " docs/shim.md"
        )
    words = (*before, *parts[: index + 1])
    module = parts[index + 1].partition(".")[0]
    return Line(environment, words, module, "", tuple(parts[index + 2 :]))


def refuse_shell(words: Sequence[str]) -> None:
    """Raise Untranslatable for a pipe, a redirection or a second command."""
    for word in words:
        if _SHELL.fullmatch(word) and not word.startswith("$"):
            raise Untranslatable(f"{word!r} is for the shell; give the server's command alone")
