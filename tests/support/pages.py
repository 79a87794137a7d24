"""What the documentation shows, for tests that run it."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of one language in a page, in order. ``page`` is relative to the root."""
    return [text for name, text in BLOCK.findall((ROOT / page).read_text()) if name == language]


def block(page: str, language: str, containing: str) -> str:
    """The one block of that language that has ``containing`` in it."""
    found = [text for text in blocks(page, language) if containing in text]
    assert len(found) == 1, f"{page} has {len(found)} {language} blocks with {containing!r}"
    return found[0]
