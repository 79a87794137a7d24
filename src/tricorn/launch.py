"""What starts a server: in this process, or as a parent of several."""

from __future__ import annotations

import sys
from typing import Any

from tricorn.settings.config import Config, build
from tricorn.settings.errors import ConfigError


def run(app: Any, **options: Any) -> None:
    """Serve `app` until told to stop; the options are those of docs/options.md.

    With `workers` or `reload`, `app` has to be an import string. Raises `ConfigError` (a
    ValueError) for an option that can't be used, and SystemExit with code 3 when the server
    can't start.
    """
    config = build(app, options)
    if not config.use_subprocess:
        from tricorn.serve.run import run as run_here

        run_here(app, **options)
        return
    refuse_processes_on_windows(config)
    from tricorn.serve.importer import insert_app_dir
    from tricorn.supervise.program import supervise

    app_dir = options.get("app_dir")
    if app_dir is not None:
        insert_app_dir(app_dir)
    code = supervise(config, lambda: build(app, options))
    if code:
        sys.exit(code)


def refuse_processes_on_windows(config: Config) -> None:
    """Raise `ConfigError` where the parent of several processes can't run at all."""
    if sys.platform == "win32":
        wanted = (
            "reload" if config.reload else "workers" if (config.workers or 1) > 1 else "control"
        )
        raise ConfigError(
            f"--{wanted} works by signals and sockets that Windows hasn't; leave it out there, "
            "or use WSL"
        )
