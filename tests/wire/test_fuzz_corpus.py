"""The fuzz targets on their corpus and on a bounded number of mutations, in each run.

The mutations come from a seed that is printed, so that a failure can be had again. In CI it is
always the same, as with hypothesis: what CI says is about the change.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.fuzz import corpus
from tests.fuzz.targets import TARGETS
from tests.support.tools import IN_CI
from tests.wire.grammar import TROUBLE

MUTATIONS = 2000
each_target = pytest.mark.parametrize("name", list(TARGETS))


@each_target
def test_the_corpus(name: str) -> None:
    inputs = corpus.load(name)
    assert inputs, "the corpus of each target is committed"
    for data in inputs:
        check(name, data)


@each_target
def test_mutations_of_the_seeds(name: str) -> None:
    seed = 0 if IN_CI else random.randrange(1 << 32)
    chance = random.Random(seed)
    seeds = corpus.seeds(name)
    for data in mutations(chance, seeds):
        check(name, data, f" (random seed {seed})")


def check(name: str, data: bytes, origin: str = "") -> None:
    try:
        TARGETS[name](data)
    except Exception as error:
        raise AssertionError(f"{name} breaks on {data!r}{origin}") from error


def mutations(chance: random.Random, seeds: list[bytes]) -> Iterator[bytes]:
    """Seeds with a few bytes changed, and pieces of one in another."""
    for _ in range(MUTATIONS):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            at = chance.randint(0, len(data))
            gone = chance.choice((0, 0, 1, 1, 4, 20))
            data[at : at + gone] = piece(chance, seeds)
        yield bytes(data)


def piece(chance: random.Random, seeds: list[bytes]) -> bytes:
    """What a mutation puts in."""
    kind = chance.randrange(4)
    if kind == 0:
        return chance.choice(TROUBLE)
    if kind == 1:
        return chance.randbytes(chance.randint(0, 3))
    if kind == 2:
        return b""
    other = chance.choice(seeds)
    start = chance.randint(0, len(other))
    return other[start : start + chance.randint(0, 40)]
