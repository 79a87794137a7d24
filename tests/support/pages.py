"""What the documentation shows, for tests that run it."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r'^```(\w*)(?: title="([^"]*)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block. The title, if it has one, is the name of the file that it shows."""

    language: str
    title: str
    text: str


def all_blocks(page: str) -> list[Block]:
    """The fenced blocks of a page, in order. ``page`` is relative to the root."""
    return [Block(*found) for found in BLOCK.findall((ROOT / page).read_text())]


def blocks(page: str, language: str) -> list[str]:
    """The text of the fenced blocks of one language in a page, in order."""
    return [one.text for one in all_blocks(page) if one.language == language]


def block(page: str, language: str, containing: str) -> str:
    """The one block of that language that has ``containing`` in it."""
    found = [text for text in blocks(page, language) if containing in text]
    assert len(found) == 1, f"{page} has {len(found)} {language} blocks with {containing!r}"
    return found[0]
