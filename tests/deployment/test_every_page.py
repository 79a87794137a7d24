"""No page of docs/deployment without its test, and no configuration that isn't run."""

import re
from pathlib import Path

import pytest

from tests.deployment.machine import Page
from tests.support.pages import ROOT, all_blocks

PAGES = sorted((ROOT / "docs" / "deployment").glob("*.md"))
TOPICS = [page.stem for page in PAGES if page.stem != "index"]
UNTITLED = {"sh", "text"}  # commands, and what a program says


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_has_its_test(topic):
    test = Path(__file__).with_name(f"test_{topic.replace('-', '_')}.py")
    assert test.exists(), f"docs/deployment/{topic}.md has no {test.name}"
    assert f'PAGE = "{topic}"' in test.read_text()


@pytest.mark.parametrize("topic", TOPICS)
def test_what_a_page_shows_is_a_file_or_a_command(topic):
    untitled = [one for one in all_blocks(f"docs/deployment/{topic}.md") if not one.title]
    assert [one for one in untitled if one.language not in UNTITLED] == []


def test_the_index_leads_to_each_page():
    linked = re.findall(r"\]\(([\w-]+)\.md", (ROOT / "docs/deployment/index.md").read_text())
    assert sorted(set(linked)) == TOPICS


def test_a_replacement_that_a_page_does_not_need_fails():
    with pytest.raises(AssertionError, match="doesn't say"):
        Page("docs/deployment/nginx.md", {"/no/such/path": "/tmp"})
