"""What MkDocs is told beside mkdocs.yml: pages that lie elsewhere, and links between them all.

Pages keep links that are right in the repository. Here they become links of the site.
"""

import posixpath
import re
from typing import Any

from mkdocs.structure.files import File, Files

from scripts.running import ROOT

# Where a file of the repository is in the site. All else of docs/ keeps its name.
PLACES = {
    "benchmarks/README.md": "benchmarks/index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    **{
        f"benchmarks/results/{path.name}": f"benchmarks/{path.name}"
        for path in sorted((ROOT / "benchmarks" / "results").glob("*.md"))
    },
}
SOURCES = {place: source for source, place in PLACES.items()}
FOLDERS = {"benchmarks/results": "benchmarks/index.md"}
LINK = re.compile(r"(?<=\]\()([^():#\s]+)(?=[#)])")
DEPLOYMENT = re.compile(r"\]\(([\w-]+\.md)[#)]")


def on_config(config: Any) -> Any:
    """Fills the sections of the navigation that are made of folders."""
    index = (ROOT / "docs" / "deployment" / "index.md").read_text()
    linked = dict.fromkeys(["index.md", *DEPLOYMENT.findall(index)])
    folders = {
        "deployment": [f"deployment/{name}" for name in linked],
        "benchmarks": [place for place in SOURCES if place.startswith("benchmarks/")],
    }
    config.nav = _filled(config.nav, folders)
    return config


def _filled(entry: Any, folders: dict[str, list[str]]) -> Any:
    if isinstance(entry, list):
        return [_filled(one, folders) for one in entry]
    if isinstance(entry, dict):
        return {title: _filled(one, folders) for title, one in entry.items()}
    return folders.get(entry, entry)


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that lie outside docs/."""
    for place, source in SOURCES.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Makes links between files of the repository links between pages of the site."""
    here = page.file.src_uri
    source = SOURCES.get(here, f"docs/{here}")

    def moved(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), match[1]))
        place = FOLDERS.get(path) or PLACES.get(path) or path.removeprefix("docs/")
        if files.get_file_from_path(place) is None:
            return match[1]  # MkDocs tells that it leads nowhere
        return posixpath.relpath(place, posixpath.dirname(here) or ".")

    return LINK.sub(moved, markdown)
