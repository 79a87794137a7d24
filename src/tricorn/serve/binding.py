"""How to listen, for a server and for the parent of several, which imports no loop and no wire."""

from __future__ import annotations

from tricorn.net.listen import ListenOptions
from tricorn.settings.config import Config


def listen_options(config: Config) -> ListenOptions:
    """How to listen."""
    return ListenOptions(
        backlog=config.backlog,
        reuse_port=config.reuse_port,
        uds_mode=int(config.uds_mode),
        uds_owner=config.uds_owner,
    )
