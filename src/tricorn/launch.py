"""What starts a server: in this process, or as a parent of several."""

from __future__ import annotations

import sys
from typing import Any

from tricorn.settings.config import build


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
    from tricorn.serve.importer import insert_app_dir
    from tricorn.supervise.program import supervise

    app_dir = options.get("app_dir")
    if app_dir is not None:
        insert_app_dir(app_dir)
    code = supervise(config, lambda: build(app, options))
    if code:
        sys.exit(code)
