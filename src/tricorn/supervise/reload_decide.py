"""Deciding under `--reload`: from the state, an event and the time to what is to be done.

As in `decide.py` an event changes the state, and then what there is is compared with what
there should be: one process that serves, and one that waits to take its place.
"""

from __future__ import annotations

import signal
from typing import Final

from tricorn.supervise.exits import how
from tricorn.supervise.reload_state import (
    Changed,
    Explain,
    Go,
    Process,
    ReloadAction,
    ReloadEvent,
    ReloadState,
    Stage,
    Stopping,
)
from tricorn.supervise.state import (
    CloseListeners,
    Drain,
    End,
    Exited,
    Kill,
    Leaving,
    Ready,
    Reload,
    Say,
    Start,
    Started,
    Stop,
)

# An app that served so long may crash once and is started again without a change.
STEADY: Final = 5.0
# A spare would compete with the app's import for the processors. So it waits, in seconds.
SPARE_AFTER: Final = 1.0
# A spare that couldn't be started is tried again after so many seconds.
SPARE_AGAIN: Final = 2.0
# Names in the log line; more are counted.
_NAMED: Final = 8

_LIVE: Final = (Stage.STARTING, Stage.SERVING)


def decide(state: ReloadState, event: ReloadEvent, now: float) -> list[ReloadAction]:
    """Take `event` in at the time `now` (seconds, monotonic) and return what to do, in order."""
    actions: list[ReloadAction] = []
    if isinstance(event, Exited):
        _exited(state, event, now, actions)
    elif isinstance(event, Stop):
        _stop(state, event.now, now, actions)
    elif isinstance(event, Changed):
        _changed(state, _changes(state, event), now, actions)
    elif isinstance(event, Reload):
        _changed(state, Say("info", "Reloading..."), now, actions)
    elif isinstance(event, Started | Ready | Stopping | Leaving):
        process = state.processes.get(event.key)
        if process is not None:
            _reported(state, process, event, now, actions)
    _look_at_clocks(state, now, actions)
    if not state.stopping:
        _reconcile(state, now, actions)
    elif not state.processes:
        actions.append(End(0))
    return actions


def _reported(
    state: ReloadState,
    process: Process,
    event: Started | Ready | Stopping | Leaving,
    now: float,
    actions: list[ReloadAction],
) -> None:
    if isinstance(event, Started):
        process.pid = event.pid
    elif isinstance(event, Ready):
        if process.stage is Stage.STARTING:
            _enter(process, Stage.SERVING, now)
    elif isinstance(event, Stopping):
        if process.stage is Stage.LEAVING:
            process.kill_at = now + state.patience.leave
    elif process.stage in _LIVE:
        actions.append(Say("info", f"The worker is replaced: {event.why}."))
        _send_away(state, process, now, actions)


def _changed(
    state: ReloadState, announcement: Say, now: float, actions: list[ReloadAction]
) -> None:
    if state.stopping:
        return
    state.fault = ""
    current = state.current()
    if current is not None and current.stage in _LIVE:
        actions.append(announcement)
        _send_away(state, current, now, actions)
    elif state.idle:
        actions.append(announcement)
    # Else the reload that is on its way has yet to import the app, and takes this in.
    state.idle = False


def _changes(state: ReloadState, event: Changed) -> Say:
    names = ", ".join(f"'{name}'" for name in event.names[:_NAMED])
    more = len(event.names) - _NAMED
    if more > 0:
        names += f" and {more} more"
    return Say("warning", f"{state.watcher} detected changes in {names}. Reloading...")


def _exited(state: ReloadState, event: Exited, now: float, actions: list[ReloadAction]) -> None:
    process = state.processes.pop(event.key, None)
    if process is None or state.stopping:
        return
    what = f"The worker [{process.pid}] {how(event.code)}"
    if process.stage is Stage.SPARE:
        state.spare_at = now + SPARE_AGAIN
        # A SIGTERM for all of us; ours is on its way.
        if event.code != -signal.SIGTERM:
            actions.append(Say("error", f"The spare process [{process.pid}] {how(event.code)}."))
    elif process.stage is Stage.SERVING and now - process.since >= STEADY:
        actions.append(Say("error", f"{what}. It is replaced at once."))
    elif process.stage in _LIVE:
        # Whether it is the app's fault or ours, the next change may mend it.
        when = "while it started" if process.stage is Stage.STARTING else "soon after it started"
        state.fault = f"{what} {when}."
        state.idle = process.explains
        actions.append(Say("error", f"{state.fault} Waiting for changes."))


def _stop(state: ReloadState, at_once: bool, now: float, actions: list[ReloadAction]) -> None:
    if not state.stopping:
        state.stopping = True
        actions.append(CloseListeners())
    for process in state.processes.values():
        if at_once or process.stage is Stage.SPARE:
            _kill(process, now, actions)
        else:
            _send_away(state, process, now, actions)


def _look_at_clocks(state: ReloadState, now: float, actions: list[ReloadAction]) -> None:
    for process in state.processes.values():
        if process.stage is Stage.LEAVING and now >= process.kill_at:
            waited = f"{now - process.since:.0f} s"
            text = f"The worker [{process.pid}] didn't stop within {waited}; it is killed."
            actions.append(Say("warning", text))
            _kill(process, now, actions)


def _reconcile(state: ReloadState, now: float, actions: list[ReloadAction]) -> None:
    current = state.current()
    if current is None and not state.idle and _spare_exists(state, now, actions):
        _send_in(state, now, actions)
        return
    settled = current is None or (
        current.stage in _LIVE and (current.stage is Stage.SERVING or _age(current, now))
    )
    if settled:
        _spare_exists(state, now, actions)


def _age(process: Process, now: float) -> bool:
    return now - process.since >= SPARE_AFTER


def _spare_exists(state: ReloadState, now: float, actions: list[ReloadAction]) -> bool:
    """Start a spare if there is none; return whether there is one now."""
    if state.spare() is None:
        if now < state.spare_at:
            return False
        process = Process(state.next_key, Stage.SPARE, now)
        state.next_key += 1
        state.processes[process.key] = process
        actions.append(Start(process.key, 1))
    return True


def _send_in(state: ReloadState, now: float, actions: list[ReloadAction]) -> None:
    process = state.spare()
    assert process is not None
    _enter(process, Stage.STARTING, now)
    if state.fault:
        process.explains = True
        actions.append(Explain(process.key, state.fault))
    else:
        actions.append(Go(process.key))


def _send_away(
    state: ReloadState, process: Process, now: float, actions: list[ReloadAction]
) -> None:
    if process.stage in _LIVE:
        _enter(process, Stage.LEAVING, now)
        process.kill_at = now + state.patience.answer
        actions.append(Drain(process.key))


def _kill(process: Process, now: float, actions: list[ReloadAction]) -> None:
    if process.stage is not Stage.KILLED:
        _enter(process, Stage.KILLED, now)
        actions.append(Kill(process.key))


def _enter(process: Process, stage: Stage, now: float) -> None:
    process.stage = stage
    process.since = now
