"""What tests of several parents start from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.supervise.reload_rig import Project, without_watchfiles


@pytest.fixture
def project(tmp_path: Path) -> Project:
    directory = tmp_path / "project"
    directory.mkdir()
    return Project(directory)


@pytest.fixture(params=["watchfiles", "looking"])
def environment(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An environment in which watchfiles can be imported, or can't."""
    if request.param == "watchfiles":
        pytest.importorskip("watchfiles")
        return {}
    return without_watchfiles(tmp_path)
