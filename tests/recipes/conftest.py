"""Apps of real frameworks, each served by a process of its own."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.recipes.apps_folder import APPS
from tests.support.server import Server, serve
from tests.support.tools import need_package


@pytest.fixture(scope="session")
def serve_recipe() -> Iterator[Callable[..., Server]]:
    """Starts `tests/recipes/apps/NAME.py` once a worker; its log has to stay clean."""
    with ExitStack() as stack:
        servers: dict[tuple[str, ...], Server] = {}

        def start(target: str, package: str, *args: str) -> Server:
            need_package(package)
            key = (target, *args)
            if key not in servers:
                servers[key] = stack.enter_context(serve(target, *args, app_dir=APPS))
            return servers[key]

        yield start
