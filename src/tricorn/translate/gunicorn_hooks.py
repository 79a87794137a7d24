"""gunicorn's server hooks: functions in its configuration file. tricorn has none."""

from __future__ import annotations

from typing import Final

# What to do instead, where there is something.
HOOKS: Final = {
    "on_starting": "Do it before tricorn starts.",
    "on_reload": "",
    "when_ready": "systemd is told by `Type=notify`; others see the line `running on`.",
    "pre_fork": "",
    "post_fork": "The app's lifespan startup runs in each worker.",
    "post_worker_init": "The app's lifespan startup runs in each worker.",
    "worker_int": "",
    "worker_abort": "A worker that hangs logs its stacks.",
    "pre_exec": "",
    "pre_request": "A middleware sees each request.",
    "post_request": "A middleware sees each response.",
    "child_exit": "The app's lifespan shutdown runs in each worker.",
    "worker_exit": "The app's lifespan shutdown runs in each worker.",
    "nworkers_changed": "",
    "on_exit": "Do it after tricorn has ended.",
    "ssl_context": "In Python `tricorn.run(ssl_context_factory=…)` makes the context.",
    "on_dirty_starting": "",
    "dirty_post_fork": "",
    "dirty_worker_init": "",
    "dirty_worker_exit": "",
}
