"""What follows from an event under --reload: tables of events, times and actions."""

from __future__ import annotations

import pytest

from tricorn.supervise.reload_decide import SPARE_AFTER, SPARE_AGAIN, STEADY, decide
from tricorn.supervise.reload_state import (
    Changed,
    Explain,
    Go,
    Patience,
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
    Pause,
    Ready,
    Reload,
    Say,
    Scale,
    Start,
    Started,
    Stop,
    Tick,
)

CHANGE = Changed(("main.py",))


class Parent:
    """A parent whose processes do as they are told, when the test says so."""

    def __init__(self) -> None:
        self.state = ReloadState("WatchFiles", Patience(answer=1.0, leave=7.0))
        self.now = 100.0
        self.said: list[str] = []

    def at(self, event: ReloadEvent, after: float = 0.0) -> list[ReloadAction]:
        """Let time pass, and something happen; the actions but for what is logged."""
        self.now += after
        actions = decide(self.state, event, self.now)
        self.said += [action.text for action in actions if isinstance(action, Say)]
        alive = [p.stage for p in self.state.processes.values() if p.stage is not Stage.SPARE]
        assert len(alive) <= 1 or self.state.stopping
        return [action for action in actions if not isinstance(action, Say)]

    def serving(self) -> Parent:
        """Process 1 serves, and 2 waits."""
        assert self.at(Tick()) == [Start(1, 1), Go(1)]
        self.at(Started(1, 1001))
        assert self.at(Ready(1)) == [Start(2, 1)]
        self.at(Started(2, 1002))
        return self


def test_a_spare_waits_for_a_change() -> None:
    parent = Parent().serving()
    assert parent.at(Tick(), 100) == []
    assert parent.at(CHANGE) == [Drain(1)]
    assert parent.said == ["WatchFiles detected changes in 'main.py'. Reloading..."]
    assert parent.at(Stopping(1)) == []
    assert parent.at(Tick()) == []
    assert parent.at(Exited(1, 0)) == [Go(2)], "not before the old one is gone"
    assert parent.at(Ready(2)) == [Start(3, 1)]


def test_a_slow_import_gets_a_spare_after_a_while() -> None:
    parent = Parent()
    parent.at(Tick())
    assert parent.at(Tick(), SPARE_AFTER * 0.9) == []
    assert parent.at(Tick(), SPARE_AFTER * 0.2) == [Start(2, 1)]


def test_many_changes_are_one_reload_until_the_app_is_imported() -> None:
    parent = Parent().serving()
    parent.at(CHANGE)
    assert parent.at(CHANGE) == []
    parent.at(Exited(1, 0))
    assert len(parent.said) == 1
    assert parent.at(CHANGE) == [Drain(2)], "it may have imported the file as it was"
    assert len(parent.said) == 2
    assert parent.at(Exited(2, 1)) == [Start(3, 1), Go(3)]


def test_names_in_the_log_are_few() -> None:
    parent = Parent().serving()
    parent.at(Changed(tuple(f"{number}.py" for number in range(10))))
    assert parent.said[0].endswith("'6.py', '7.py' and 2 more. Reloading...")


def test_sighup_reloads() -> None:
    parent = Parent().serving()
    assert parent.at(Reload()) == [Drain(1)]
    assert parent.said == ["Reloading..."]


@pytest.mark.parametrize(
    "event", [Scale(1), Pause(), Tick(), Started(9, 9), Ready(9), Exited(9, 0)]
)
def test_what_changes_nothing(event: ReloadEvent) -> None:
    parent = Parent().serving()
    assert parent.at(event) == []
    assert parent.said == []


def test_a_worker_that_asks_for_it_is_replaced() -> None:
    parent = Parent().serving()
    assert parent.at(Leaving(1, "limit reached")) == [Drain(1)]
    assert parent.at(Leaving(1, "limit reached")) == []
    assert parent.said == ["The worker is replaced: limit reached."]


class TestHanging:
    def test_one_that_says_nothing_is_killed_soon(self) -> None:
        parent = Parent().serving()
        parent.at(CHANGE)
        assert parent.at(Tick(), 0.9) == []
        assert parent.at(Tick(), 0.2) == [Kill(1)]
        assert parent.said[-1] == "The worker [1001] didn't stop within 1 s; it is killed."
        assert parent.at(Exited(1, -9)) == [Go(2)]

    def test_one_that_stops_has_more_time(self) -> None:
        parent = Parent().serving()
        parent.at(CHANGE)
        parent.at(Stopping(1), 0.9)
        assert parent.at(Tick(), 6.9) == []
        assert parent.at(Tick(), 0.2) == [Kill(1)]
        assert parent.at(Tick(), 1) == []


class TestCrashes:
    def test_while_starting_is_explained(self) -> None:
        parent = Parent()
        parent.at(Tick())
        parent.at(Started(1, 1001))
        why = "The worker [1001] was ended by SIGSEGV while it started."
        assert parent.at(Exited(1, -11)) == [Start(2, 1), Explain(2, why)]
        assert parent.said == [why + " Waiting for changes."]
        parent.at(Ready(2))
        assert parent.at(CHANGE) == [Drain(2)]
        assert parent.at(Exited(2, 0)) == [Go(3)]

    def test_soon_after_is_explained(self) -> None:
        parent = Parent().serving()
        why = "The worker [1001] ended with 1 soon after it started."
        assert parent.at(Exited(1, 1), STEADY * 0.9) == [Explain(2, why)]

    def test_later_is_mended(self) -> None:
        parent = Parent().serving()
        assert parent.at(Exited(1, -9), STEADY) == [Go(2)]
        assert parent.said == [
            "The worker [1001] was ended by SIGKILL (out of memory?). It is replaced at once."
        ]

    def test_who_cannot_even_explain_waits_for_a_change(self) -> None:
        parent = Parent().serving()
        parent.at(Exited(1, 1))
        assert parent.at(Exited(2, 1)) == [Start(3, 1)]
        assert parent.at(Tick(), 100) == []
        assert parent.at(CHANGE) == [Go(3)]

    def test_a_spare_that_ends_is_tried_again_later(self) -> None:
        parent = Parent().serving()
        assert parent.at(Exited(2, 1)) == []
        assert parent.at(Tick(), SPARE_AGAIN) == [Start(3, 1)]
        assert parent.said == ["The spare process [1002] ended with 1."]

    def test_a_spare_that_was_told_to_end_is_no_news(self) -> None:
        """The whole process group was, by `timeout` or a service manager."""
        parent = Parent().serving()
        assert parent.at(Exited(2, -15)) == []
        assert parent.said == []


class TestStopping:
    def test_closes_listeners_first_and_ends_when_all_are_gone(self) -> None:
        parent = Parent().serving()
        assert parent.at(Stop()) == [CloseListeners(), Drain(1), Kill(2)]
        assert parent.at(CHANGE) == []
        assert parent.at(Exited(2, -9)) == []
        assert parent.at(Exited(1, 0)) == [End(0)]
        assert parent.said == []

    def test_a_second_time_kills(self) -> None:
        parent = Parent().serving()
        parent.at(Stop())
        assert parent.at(Stop(now=True)) == [Kill(1)]

    def test_kills_who_hangs(self) -> None:
        parent = Parent().serving()
        parent.at(Stop())
        assert parent.at(Tick(), 1.1) == [Kill(1)]

    def test_while_a_reload_is_on_its_way(self) -> None:
        parent = Parent().serving()
        parent.at(CHANGE)
        assert parent.at(Stop()) == [CloseListeners(), Kill(2)]
        assert parent.at(Exited(2, -9)) == []
        assert parent.at(Exited(1, 0)) == [End(0)]
