"""The committed corpus: one text file a target, one input a line, as a Python bytes literal.

Text, so that a diff shows what a fuzzer found. The case files of the parser are seeds as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

from tests.wire.case_files import load as load_cases

FOLDER = Path(__file__).parent / "corpus"
# What stands before the sent bytes in an input of the target.
PREFIXES = {"reader": b"\0\0\0", "differential": b""}


def load(target: str) -> list[bytes]:
    """The committed inputs of a target."""
    path = FOLDER / f"{target}.txt"
    if not path.exists():
        return []
    lines = path.read_text(encoding="ascii").splitlines()
    return [ast.literal_eval(line) for line in lines if line and not line.startswith("#")]


def seeds(target: str) -> list[bytes]:
    """The committed inputs, and the short ones of the case files."""
    prefix = PREFIXES.get(target)
    if prefix is None:
        return load(target)
    cases = [prefix + case.bytes for case in load_cases() if len(case.bytes) < 1000]
    return load(target) + cases


def save(target: str, inputs: Iterable[bytes]) -> None:
    """Write the corpus of a target, sorted, without duplicates."""
    FOLDER.mkdir(exist_ok=True)
    lines = [repr(one) for one in sorted(set(inputs), key=lambda one: (len(one), one))]
    (FOLDER / f"{target}.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
