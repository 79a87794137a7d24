"""Deciding: from the state, an event and the time to what is to be done. No I/O here.

An event changes the state; then `_reconcile` compares what there is with what there should
be, so that no order of events can leave a place without a worker.
"""

from __future__ import annotations

from typing import Final

from tricorn.serve.report import STARTUP_FAILURE
from tricorn.supervise.exits import how
from tricorn.supervise.state import (
    Action,
    Announce,
    CloseListeners,
    Drain,
    Dump,
    End,
    EndSuccessor,
    Event,
    Exited,
    Explained,
    Heard,
    Hurry,
    Interrupt,
    Kill,
    Leaving,
    Notice,
    Pause,
    Place,
    Ready,
    Reload,
    Say,
    Scale,
    Stage,
    Start,
    Started,
    StartSuccessor,
    State,
    Stop,
    StopLater,
    Succeeded,
    SuccessorEnded,
    Upgrade,
    Worker,
)

FIXED: Final = (
    "with --reuse-port each worker has a socket of its own, so their number stays; "
    "SIGUSR2 takes a new one from the configuration"
)
# A worker that served so long has a right to crash once without a pause.
STEADY: Final = 10.0
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 30.0
# A hung worker has this long to write its stacks when it is told, and when it is interrupted.
DUMP_TIME: Final = 1.0
# Workers told to stop at once have this long.
QUICK: Final = 2.0

_LIVE: Final = (Stage.BOOTING, Stage.READY)
_RESTART: Final = "restart"


def decide(state: State, event: Event, now: float) -> list[Action]:
    """Take `event` in at the time `now` (seconds, monotonic) and return what to do, in order."""
    actions: list[Action] = []
    if isinstance(event, Exited):
        _exited(state, event, now, actions)
    elif isinstance(event, Stop):
        _stop(state, event.now, now, actions)
    elif isinstance(event, StopLater):
        _stop_later(state, now, actions)
    elif isinstance(event, Upgrade | Succeeded | SuccessorEnded):
        _succession(state, event, now, actions)
    elif isinstance(event, Reload | Scale | Pause):
        _command(state, event, actions)
    elif isinstance(event, Started | Ready | Heard | Leaving | Explained):
        worker = state.workers.get(event.key)
        if worker is not None:
            _reported(state, worker, event, now, actions)
    _look_at_clocks(state, now, actions)
    if state.stopping:
        if not state.workers:
            actions.append(End(state.exit_code))
    else:
        _reconcile(state, now, actions)
    return actions


def pause_after(failures: int) -> float:
    """How long a place stays empty after so many failures in a row, in seconds."""
    if failures <= 1:
        return 0.0
    return float(min(FIRST_PAUSE * 2.0 ** min(failures - 2, 16), LONGEST_PAUSE))


# What workers report


def _reported(
    state: State,
    worker: Worker,
    event: Started | Ready | Heard | Leaving | Explained,
    now: float,
    actions: list[Action],
) -> None:
    if isinstance(event, Started):
        worker.pid = event.pid
        worker.lifetime = event.lifetime
        if state.delayed:
            actions.append(Notice(worker.key))
        return
    if isinstance(event, Explained):
        if worker.dumped:
            _kill(worker, now, actions)
        return
    worker.heard = now
    if isinstance(event, Ready) and worker.stage is Stage.BOOTING:
        _enter(worker, Stage.READY, now)
        state.ever_ready = True
        for other in list(state.workers.values()):
            if other.number == worker.number and other.key < worker.key:
                _drain(state, other, now, actions)
    elif isinstance(event, Leaving) and not worker.due:
        worker.due = event.why
        actions.append(Say("info", f"{_name(worker)} is replaced: {event.why}."))


def _exited(state: State, event: Exited, now: float, actions: list[Action]) -> None:
    worker = state.workers.pop(event.key, None)
    if worker is None or state.stopping:
        return
    place = state.places.setdefault(worker.number, Place())
    if worker.stage is Stage.BOOTING:
        _failed_to_start(state, worker, event.code, now, actions)
    elif worker.stage is Stage.READY:
        steady = now - worker.since >= STEADY
        place.failures = 1 if steady else place.failures + 1
        _pause(place, worker, event.code, now, actions)
    elif worker.dumped:
        # Its successor has been started, and the log knows why.
        place.failures += 1
    else:
        place.failures = 0


def _failed_to_start(
    state: State, worker: Worker, code: int, now: float, actions: list[Action]
) -> None:
    if not state.ever_ready:
        text = f"{_name(worker)} {how(code)} before it was ready. No worker could start; exiting."
        actions.append(Say("error", text))
        state.exit_code = STARTUP_FAILURE
        _stop(state, False, now, actions)
        return
    place = state.places.setdefault(worker.number, Place())
    if state.rolling and any(other.due for other in _at(state, worker.number)):
        state.rolling = False
        for other in state.workers.values():
            other.due = "" if other.due == _RESTART else other.due
        actions.append(
            Say(
                "error",
                f"{_name(worker)} {how(code)} before it was ready. The restart stops here; "
                "the workers that serve go on.",
            )
        )
        actions.append(Announce("ready"))
        return
    place.failures = max(place.failures, 1) + 1
    _pause(place, worker, code, now, actions)


def _pause(place: Place, worker: Worker, code: int, now: float, actions: list[Action]) -> None:
    pause = pause_after(place.failures)
    place.retry_at = now + pause
    again = f"in {pause:g} s" if pause else "at once"
    actions.append(Say("error", f"{_name(worker)} {how(code)}. It is replaced {again}."))


# What is asked for


def _command(state: State, event: Reload | Scale | Pause, actions: list[Action]) -> None:
    if state.stopping or state.delayed:
        return
    if isinstance(event, Reload):
        state.paused = False
        state.rolling = True
        for worker in state.workers.values():
            if worker.stage in _LIVE:
                worker.due = _RESTART
        for place in state.places.values():
            place.retry_at = 0.0
        actions += (Say("info", "Restarting the workers."), Announce("reloading"))
    elif isinstance(event, Scale) and state.policy.is_fixed:
        actions.append(Say("warning", f"No worker more or fewer: {FIXED}."))
    elif isinstance(event, Scale):
        state.paused = False
        wanted = max(state.target + event.by, 1)
        if wanted != state.target:
            state.announced = False
        state.target = wanted
        actions.append(Say("info", f"There are to be {wanted} workers."))
    else:
        state.paused = True
        actions.append(Say("info", "The workers are sent away; SIGHUP brings new ones."))


def _stop_later(state: State, now: float, actions: list[Action]) -> None:
    """Stop after the delay. All stay as they are until then, and lost workers are replaced."""
    delay = state.policy.delay
    if not delay or state.stopping or state.delayed or not state.serving():
        _stop(state, False, now, actions)
        return
    state.stop_at = now + delay
    _end_upgrade(state, actions)
    state.rolling = False
    for worker in state.workers.values():
        worker.due = "" if worker.due == _RESTART else worker.due
    text = f"Draining in {delay:g} s; until then connections are accepted."
    actions += (Say("info", text), Announce("stopping"))
    # Those that boot too, so that none ever says that it stays; later ones once they have begun.
    live = [worker for worker in state.workers.values() if worker.stage in _LIVE and worker.pid]
    actions += [Notice(worker.key) for worker in live]


def _end_upgrade(state: State, actions: list[Action]) -> None:
    if state.upgrading:
        state.upgrading = False
        actions.append(EndSuccessor())


def _stop(state: State, at_once: bool, now: float, actions: list[Action]) -> None:
    if not state.stopping:
        announced = state.delayed
        state.stopping = True
        _end_upgrade(state, actions)
        if not announced:
            actions.append(Announce("succeeded" if state.succeeded else "stopping"))
        # First of all, so that who connects now is refused and can go elsewhere.
        actions.append(CloseListeners())
    for worker in state.workers.values():
        if at_once:
            _hurry(worker, now, actions)
        elif worker.stage is Stage.DRAINING:
            # It took its time, as others served.
            worker.kill_at = min(worker.kill_at, now + state.policy.drain)
            actions.append(Drain(worker.key))
        else:
            _drain(state, worker, now, actions)


def _succession(
    state: State, event: Upgrade | Succeeded | SuccessorEnded, now: float, actions: list[Action]
) -> None:
    if state.stopping or state.delayed:
        return
    if isinstance(event, Upgrade):
        if state.upgrading:
            actions.append(Say("warning", "A new tricorn is being started already."))
            return
        state.upgrading = True
        actions += (Say("info", "Starting a new tricorn, to replace this one."), StartSuccessor())
    elif isinstance(event, Succeeded):
        state.upgrading = False
        state.succeeded = True
        actions.append(Say("info", "The new tricorn serves. This one drains and ends."))
        _stop(state, False, now, actions)
    elif state.upgrading:
        state.upgrading = False
        text = f"The new tricorn {how(event.code)} before it was ready. This one goes on."
        actions.append(Say("error", text))


# What time brings


def _look_at_clocks(state: State, now: float, actions: list[Action]) -> None:
    policy = state.policy
    if state.delayed and now >= state.stop_at:
        _stop(state, False, now, actions)
    for worker in state.workers.values():
        age = now - worker.since
        if worker.stage is Stage.DRAINING and now >= worker.kill_at:
            actions.append(Say("error", f"{_name(worker)} didn't stop within {age:.0f} s."))
            _kill(worker, now, actions)
        elif worker.stage is Stage.READY:
            if worker.dumped:
                _insist(worker, now, actions)
            elif now - worker.heard > policy.healthcheck:
                silent = f"hasn't answered for {now - worker.heard:.1f} s"
                actions.append(Say("error", f"{_name(worker)} {silent}; it is killed."))
                worker.dumped = now
                actions.append(Dump(worker.key))
            elif age >= worker.lifetime and not worker.due:
                worker.due = "its lifetime is over"
                actions.append(Say("info", f"{_name(worker)} is replaced: {worker.due}."))


def _insist(worker: Worker, now: float, actions: list[Action]) -> None:
    """Kill a hung worker that had the time to write its stacks."""
    waited = now - worker.dumped
    if waited >= 2 * DUMP_TIME:
        _kill(worker, now, actions)
    elif waited >= DUMP_TIME and not worker.interrupted:
        worker.interrupted = True
        actions.append(Interrupt(worker.key))


# What there should be


def _reconcile(state: State, now: float, actions: list[Action]) -> None:
    wanted = 0 if state.paused else state.target
    for worker in list(state.workers.values()):
        if worker.number > wanted and worker.stage in _LIVE:
            _drain(state, worker, now, actions)
    for number in range(1, wanted + 1):
        _fill(state, number, now, actions)
    serving = state.serving()
    if state.rolling and not any(w.due and w.stage in _LIVE for w in state.workers.values()):
        if len(serving) >= wanted:
            state.rolling = False
            actions += (Say("info", "All workers have been restarted."), Announce("ready"))
    if not state.announced and not state.delayed and serving and len(serving) >= wanted:
        state.announced = True
        actions.append(Announce("ready"))


def _fill(state: State, number: int, now: float, actions: list[Action]) -> None:
    """Start what the place needs: a worker, or the successor of one that is due."""
    place = state.places.setdefault(number, Place())
    live = [worker for worker in _at(state, number) if worker.stage in _LIVE]
    if now < place.retry_at:
        return
    if not live:
        _start(state, number, now, actions)
        return
    newest = max(live, key=lambda worker: worker.key)
    if not newest.due:
        return
    if newest.stage is Stage.READY and _replacing(state) < state.policy.parallel:
        _start(state, number, now, actions)


def _replacing(state: State) -> int:
    """How many workers boot beside the one that they are to replace."""
    booting = [w for w in state.workers.values() if w.stage is Stage.BOOTING]
    return sum(1 for one in booting if any(w is not one for w in _at(state, one.number)))


def _start(state: State, number: int, now: float, actions: list[Action]) -> None:
    worker = Worker(state.next_key, number, Stage.BOOTING, now, now)
    state.next_key += 1
    state.workers[worker.key] = worker
    actions.append(Start(worker.key, number))


def _drain(state: State, worker: Worker, now: float, actions: list[Action]) -> None:
    if worker.stage in _LIVE:
        _enter(worker, Stage.DRAINING, now)
        worker.kill_at = now + state.policy.drain
        others_serve = state.succeeded or not (state.stopping or state.paused)
        actions.append(Drain(worker.key, others_serve))


def _hurry(worker: Worker, now: float, actions: list[Action]) -> None:
    if worker.stage is not Stage.KILLED:
        _enter(worker, Stage.DRAINING, now)
        worker.kill_at = now + QUICK
        actions.append(Hurry(worker.key))


def _kill(worker: Worker, now: float, actions: list[Action]) -> None:
    if worker.stage is not Stage.KILLED:
        _enter(worker, Stage.KILLED, now)
        actions.append(Kill(worker.key))


def _enter(worker: Worker, stage: Stage, now: float) -> None:
    worker.stage = stage
    worker.since = now


def _at(state: State, number: int) -> list[Worker]:
    return [worker for worker in state.workers.values() if worker.number == number]


def _name(worker: Worker) -> str:
    return f"Worker {worker.number} [{worker.pid}]"
