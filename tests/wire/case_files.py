"""Loads `cases/*.toml`. The form is explained in `cases/README.md`.

A key that the loader does not know is an error: a misspelt expectation would test nothing.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.wire.reading import HEAD_ATTRIBUTES
from tricorn.wire import h1
from tricorn.wire.h1 import HeadLimits

FOLDER = Path(__file__).parent / "cases"

REQUEST_KEYS = {*HEAD_ATTRIBUTES, "body", "unfinished"}
CASE_KEYS = {
    "title",
    "clause",
    "bytes",
    "each",
    "limits",
    "body_limit",
    "request",
    "refused",
    "incomplete",
}


@dataclass(frozen=True)
class Case:
    """One row of a case file, with `{each}` filled in."""

    topic: str
    title: str
    clause: str
    bytes: bytes
    limits: HeadLimits
    body_limit: int
    requests: tuple[dict[str, Any], ...]
    refused: tuple[int, str] | None
    incomplete: bool

    def __str__(self) -> str:
        return f"{self.topic}: {self.title}"


def load() -> list[Case]:
    """Every case of every file, in order."""
    return [case for path in sorted(FOLDER.glob("*.toml")) for case in _load_file(path)]


def by_topic(cases: Iterable[Case]) -> dict[str, list[Case]]:
    """The cases of each file."""
    topics: dict[str, list[Case]] = {}
    for case in cases:
        topics.setdefault(case.topic, []).append(case)
    return topics


def for_each(cases: Iterable[Case], check: Callable[[Case], object]) -> None:
    """Check them all, and fail with every case that failed.

    A test for each of a thousand cases would spend its time in pytest.
    """
    failures = []
    for case in cases:
        try:
            check(case)
        except Exception as error:
            failures.append(f"{case}: {type(error).__name__}: {error}")
    if failures:
        raise AssertionError("\n\n".join(failures))


def _load_file(path: Path) -> Iterator[Case]:
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    assert set(document) == {"about", "case"}, f"{path.name}: {sorted(document)}"
    for row in document["case"]:
        unknown = set(row) - CASE_KEYS
        assert not unknown, f"{path.name}: {row['title']}: unknown {sorted(unknown)}"
        each = row.get("each")
        if each is None:
            yield _case(path.stem, row)
        else:
            for value in each:
                yield _case(path.stem, _filled(row, value))


def _case(topic: str, row: dict[str, Any]) -> Case:
    refused = row.get("refused")
    return Case(
        topic=topic,
        title=row["title"],
        clause=row["clause"],
        bytes=wire_bytes(row["bytes"]),
        limits=HeadLimits(**row.get("limits", {})),
        body_limit=row.get("body_limit", 0),
        requests=tuple(_request(expected) for expected in row.get("request", [])),
        refused=None if refused is None else (refused["status"], refused["reason"]),
        incomplete=row.get("incomplete", False),
    )


def _filled(row: dict[str, Any], value: str) -> dict[str, Any]:
    filled = {key: _fill(item, value) for key, item in row.items() if key != "each"}
    filled["title"] = f"{row['title']}: {value.encode('latin-1')!r}"[:120]
    return filled


def _fill(item: Any, value: str) -> Any:
    if isinstance(item, str):
        return item.replace("{each}", value)
    if isinstance(item, list):
        return [_fill(part, value) for part in item]
    if isinstance(item, dict):
        return {key: _fill(part, value) for key, part in item.items()}
    return item


def wire_bytes(written: Any) -> bytes:
    """A string, or a list of strings and `{ repeat, times }` tables; \\u00XX stands for byte XX."""
    if isinstance(written, str):
        return written.encode("latin-1")
    if isinstance(written, dict):
        return wire_bytes(written["repeat"]) * _count(written["times"])
    return b"".join(wire_bytes(part) for part in written)


def _count(times: int | str) -> int:
    """A number, or a constant of `wire/h1.py` with a distance: `CHUNK_LINE_LIMIT-3`."""
    if isinstance(times, int):
        return times
    match = re.fullmatch(r"([A-Z_]+)([+-]\d+)?", times)
    assert match, times
    return int(getattr(h1, match[1])) + int(match[2] or 0)


def _request(expected: dict[str, Any]) -> dict[str, Any]:
    """Fill in what a case leaves out: the plainest request there is."""
    unknown = set(expected) - REQUEST_KEYS
    assert not unknown, f"unknown {sorted(unknown)} in {expected}"
    target = wire_bytes(expected.get("target", "/"))
    raw_path, _, query = target.partition(b"?")
    body = wire_bytes(expected.get("body", ""))
    version = expected.get("version", "1.1")
    chunked = expected.get("chunked", False)
    request = {
        "method": expected.get("method", "GET"),
        "target": target,
        "raw_path": wire_bytes(expected["raw_path"]) if "raw_path" in expected else raw_path,
        "path": expected.get("path", raw_path.decode("ascii")),
        "query": wire_bytes(expected["query"]) if "query" in expected else query,
        "version": version,
        "body": body,
        "keep_alive": expected.get("keep_alive", version == "1.1"),
        "chunked": chunked,
        "content_length": expected.get("content_length", -1 if chunked else len(body)),
        "expect_continue": expected.get("expect_continue", False),
        "upgrade": wire_bytes(expected.get("upgrade", "")),
        "te_trailers": expected.get("te_trailers", False),
        "forwarded": expected.get("forwarded", False),
        "unfinished": expected.get("unfinished", False),
    }
    if "fields" in expected:
        request["fields"] = [
            (wire_bytes(name), wire_bytes(value)) for name, value in expected["fields"]
        ]
    return request
