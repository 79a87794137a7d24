"""A parent without processes: what it decides."""

from __future__ import annotations

from typing import Any

from tricorn.supervise.decide import decide
from tricorn.supervise.state import (
    Action,
    End,
    Event,
    Policy,
    Ready,
    Say,
    Stage,
    Start,
    Started,
    State,
    Tick,
)


class Parent:
    """A parent whose workers do as they are told, when the test says so."""

    def __init__(self, target: int, **policy: Any) -> None:
        self.state = State(Policy(**policy), target)
        self.now = 100.0
        self.said: list[str] = []
        self.ended: int | None = None

    def at(self, event: Event, after: float = 0.0) -> list[Action]:
        """Let time pass, and something happen; the actions but for what is logged."""
        self.now += after
        actions = decide(self.state, event, self.now)
        self.said += [action.text for action in actions if isinstance(action, Say)]
        for action in actions:
            if isinstance(action, End):
                self.ended = action.code
        return [action for action in actions if not isinstance(action, Say)]

    def up(self) -> Parent:
        """All workers started and ready."""
        started = [action for action in self.at(Tick()) if isinstance(action, Start)]
        for action in started:
            self.at(Started(action.key, 1000 + action.key))
        for action in started:
            self.at(Ready(action.key))
        return self

    def stages(self) -> dict[int, Stage]:
        return {key: worker.stage for key, worker in self.state.workers.items()}

    def numbers(self) -> list[int]:
        return sorted(worker.number for worker in self.state.serving())
