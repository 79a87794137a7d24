"""Which files are watched: Uvicorn's reload options, and what they leave out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tricorn.product import product_logger

logger = product_logger("error")

INCLUDED: Final = ("*.py",)
EXCLUDED: Final = (".*", ".py[cod]", ".sw.*", "~*")
# Directories that hold much and nothing that anybody edits. Hidden ones are skipped as well.
IGNORED: Final = frozenset({"__pycache__", "node_modules", "site-packages"})
# What makes a directory a virtual environment.
_ENVIRONMENT: Final = "pyvenv.cfg"
_GLOB: Final = frozenset("*?[")


class Watched:
    """The directories and files to watch, and which changes in them count.

    `directories` are those to watch, in full and none within another; `files` are watched
    wherever they are.
    """

    def __init__(
        self,
        directories: Sequence[str] = (),
        includes: Sequence[str] = (),
        excludes: Sequence[str] = (),
        files: Iterable[str] = (),
    ) -> None:
        self.excludes = [*excludes, *(one for one in EXCLUDED if one not in includes)]
        self.includes = [one for one in includes if one not in excludes]
        explicit = [one for one in self.includes if Path(one).is_file()]
        self.files = frozenset(Path(one).resolve() for one in (*files, *explicit))
        wanted = [*directories, *_directories_in(self.includes)]
        self.left_out = {Path(one).resolve() for one in _directories_in(excludes)}
        self.directories = _outermost(self._existing(wanted))
        self.includes += [one for one in INCLUDED if one not in excludes]

    def _existing(self, wanted: Sequence[str]) -> list[Path]:
        missing = [one for one in wanted if not Path(one).is_dir()]
        if missing:
            instead = "" if len(missing) < len(wanted) else "; watching the working directory"
            logger.warning("--reload-dir: there is no directory %s%s", ", ".join(missing), instead)
        found = [Path(one).resolve() for one in wanted if one not in missing]
        kept = [one for one in found if not self._is_left_out(one)]
        return kept or [Path.cwd()]

    def counts(self, path: Path) -> bool:
        """Whether a change of the file at `path` (in full) means a reload."""
        if path in self.files:
            return True
        if not any(path.match(pattern) for pattern in self.includes):
            return False
        # A name in full beats the patterns that leave files out.
        if any(str(path).endswith(pattern) for pattern in self.includes):
            return True
        return not self._is_hidden(path) and not (
            self._is_left_out(path) or any(path.match(pattern) for pattern in self.excludes)
        )

    def enters(self, directory: Path) -> bool:
        """Whether files beneath `directory`, itself beneath one that is watched, can count."""
        name = directory.name
        return not (
            name.startswith(".")
            or name in IGNORED
            or directory in self.left_out
            or (directory / _ENVIRONMENT).exists()
        )

    def _is_left_out(self, path: Path) -> bool:
        return path in self.left_out or not self.left_out.isdisjoint(path.parents)

    def _is_hidden(self, path: Path) -> bool:
        """Whether a directory on the way to `path` is hidden or ignored."""
        for root in self.directories:
            if root in path.parents:
                between = path.relative_to(root).parts[:-1]
                return any(part.startswith(".") or part in IGNORED for part in between)
        return True


def _directories_in(patterns: Iterable[str]) -> Iterator[str]:
    """The directories that patterns name, or match in the working directory."""
    for pattern in patterns:
        # `.*` is meant for files: it would match each hidden directory.
        if pattern in EXCLUDED or pattern in INCLUDED:
            continue
        if Path(pattern).is_dir():
            yield pattern
        elif not _GLOB.isdisjoint(pattern) and not Path(pattern).is_absolute():
            yield from (str(found) for found in Path.cwd().glob(pattern) if found.is_dir())


def _outermost(directories: Iterable[Path]) -> list[Path]:
    """The directories without those that are within another, sorted."""
    unique = set(directories)
    return sorted(one for one in unique if unique.isdisjoint(one.parents))
