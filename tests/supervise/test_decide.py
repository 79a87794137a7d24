"""The supervisor's decisions: states, events and times in, actions out."""

from __future__ import annotations

from typing import Any

import pytest

from tricorn.supervise.decide import STEADY, decide, pause_after
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
    Policy,
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
    Tick,
    Upgrade,
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


def test_starts_one_worker_for_each_place() -> None:
    parent = Parent(3)
    assert parent.at(Tick()) == [Start(1, 1), Start(2, 2), Start(3, 3)]
    assert parent.at(Tick()) == []


def test_is_ready_once_all_are() -> None:
    parent = Parent(2)
    parent.at(Tick())
    assert parent.at(Ready(1)) == []
    assert parent.at(Ready(2)) == [Announce("ready")]
    assert parent.at(Tick()) == []


class TestCrashes:
    def test_the_first_is_replaced_at_once_in_the_same_place(self) -> None:
        parent = Parent(2).up()
        assert parent.at(Exited(1, -9)) == [Start(3, 1)]
        assert parent.said == [
            "Worker 1 [1001] was ended by SIGKILL (out of memory?). It is replaced at once."
        ]

    def test_pauses_grow_while_it_goes_on(self) -> None:
        parent = Parent(1).up()
        key = 1
        pauses = []
        for _ in range(10):
            actions = parent.at(Exited(key, 1), after=1.0)
            waited = 0.0
            while not actions:
                actions = parent.at(Tick(), after=0.5)
                waited += 0.5
            pauses.append(waited)
            (start,) = actions
            assert isinstance(start, Start)
            key = start.key
            parent.at(Ready(key))
        assert pauses == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]

    def test_a_steady_worker_begins_anew(self) -> None:
        parent = Parent(1).up()
        parent.at(Exited(1, 1), after=1)
        parent.at(Ready(2))
        parent.at(Exited(2, 1), after=1)
        parent.at(Tick(), after=0.5)
        parent.at(Ready(3))
        assert parent.at(Exited(3, 1), after=STEADY) == [Start(4, 1)]

    def test_other_places_dont_wait(self) -> None:
        parent = Parent(2).up()
        for key in (1, 3):
            parent.at(Exited(key, 1))
            parent.at(Ready(3))
        assert parent.at(Exited(2, 1)) == [Start(4, 2)]

    def test_a_crash_while_booting_counts(self) -> None:
        parent = Parent(2).up()
        parent.at(Exited(1, 1), after=1)
        assert parent.at(Exited(3, 3)) == []
        assert parent.at(Tick(), after=0.5) == [Start(4, 1)]

    @pytest.mark.parametrize(
        ("failures", "seconds"), [(0, 0), (1, 0), (2, 0.5), (3, 1), (8, 30), (10**6, 30)]
    )
    def test_pauses_are_bounded(self, failures: int, seconds: float) -> None:
        assert pause_after(failures) == seconds


class TestNoWorkerCanStart:
    def test_ends_with_3_and_takes_the_others_along(self) -> None:
        parent = Parent(2)
        parent.at(Tick())
        assert parent.at(Exited(2, 3)) == [Announce("stopping"), CloseListeners(), Drain(1)]
        assert parent.at(Exited(1, 0)) == [End(3)]
        assert len(parent.said) == 1

    def test_also_where_a_signal_ended_it(self) -> None:
        parent = Parent(1)
        parent.at(Tick())
        parent.at(Exited(1, -11))
        assert parent.ended == 3
        assert "SIGSEGV" in parent.said[0]


class TestHanging:
    def test_is_asked_for_stacks_and_killed_and_replaced(self) -> None:
        parent = Parent(2, healthcheck=5.0).up()
        parent.at(Heard(2), after=5.0)
        assert parent.at(Tick(), after=0.5) == [Dump(1)]
        assert parent.at(Tick(), after=0.5) == []
        # Its successor needn't wait for it to be gone.
        assert parent.at(Explained(1), after=0.2) == [Kill(1), Start(3, 1)]
        assert parent.at(Exited(1, -9)) == []

    def test_one_that_cant_hear_is_interrupted(self) -> None:
        parent = Parent(1, healthcheck=5.0).up()
        assert parent.at(Tick(), after=6.0) == [Dump(1)]
        assert parent.at(Tick(), after=1.0) == [Interrupt(1)]
        assert parent.at(Tick(), after=0.5) == []
        assert parent.at(Tick(), after=0.5) == [Kill(1), Start(2, 1)]

    def test_stacks_that_nobody_asked_for_kill_nobody(self) -> None:
        parent = Parent(1).up()
        assert parent.at(Explained(1)) == []

    def test_only_ready_workers_are_looked_at(self) -> None:
        parent = Parent(1, healthcheck=5.0)
        parent.at(Tick())
        assert parent.at(Tick(), after=1000) == []

    def test_a_hanging_loop_of_workers_pauses(self) -> None:
        parent = Parent(1, healthcheck=1.0).up()
        parent.at(Tick(), after=1.5)
        parent.at(Explained(1))
        parent.at(Exited(1, -9))
        parent.at(Ready(2))
        parent.at(Tick(), after=1.5)
        assert parent.at(Explained(2)) == [Kill(2), Start(3, 1)]
        assert parent.state.places[1].failures == 1


class TestRestart:
    def test_one_at_a_time_and_ready_before_the_other_goes(self) -> None:
        parent = Parent(2).up()
        assert parent.at(Reload()) == [Announce("reloading"), Start(3, 1)]
        assert parent.numbers() == [1, 2]
        assert parent.at(Ready(3)) == [Drain(1, succeeded=True), Start(4, 2)]
        assert parent.at(Exited(1, 0)) == []
        assert parent.at(Ready(4)) == [Drain(2, succeeded=True), Announce("ready")]
        assert parent.at(Exited(2, 0)) == []
        assert parent.numbers() == [1, 2]

    def test_several_at_a_time(self) -> None:
        parent = Parent(4, parallel=3).up()
        assert parent.at(Reload())[1:] == [Start(5, 1), Start(6, 2), Start(7, 3)]

    def test_stops_where_a_new_one_fails(self) -> None:
        parent = Parent(3).up()
        parent.at(Reload())
        parent.at(Ready(4))
        assert parent.at(Exited(5, 1)) == [Announce("ready")]
        assert "The restart stops here" in parent.said[-1]
        assert parent.at(Tick(), after=1) == []
        parent.at(Exited(1, 0))
        assert parent.numbers() == [1, 2, 3]

    def test_can_be_asked_for_again_behind_a_failed_one(self) -> None:
        parent = Parent(1).up()
        parent.at(Reload())
        parent.at(Exited(2, 1))
        assert parent.at(Reload()) == [Announce("reloading"), Start(3, 1)]

    def test_asked_for_twice_replaces_what_has_just_come(self) -> None:
        parent = Parent(1).up()
        parent.at(Reload())
        parent.at(Reload())
        # What boots may have read the old code.
        assert parent.at(Ready(2)) == [Drain(1, succeeded=True), Start(3, 1)]

    def test_a_crash_meanwhile_is_no_failed_restart(self) -> None:
        parent = Parent(2).up()
        parent.at(Reload())
        assert parent.at(Exited(2, -9)) == [Start(4, 2)]
        parent.at(Ready(3))
        parent.at(Ready(4))
        assert not parent.state.rolling


class TestRecycling:
    def test_the_replacement_is_ready_first(self) -> None:
        parent = Parent(1).up()
        assert parent.at(Leaving(1, "it has served enough")) == [Start(2, 1)]
        assert parent.at(Leaving(1, "it has served enough")) == []
        assert parent.at(Ready(2)) == [Drain(1, succeeded=True)]
        assert parent.said == ["Worker 1 [1001] is replaced: it has served enough."]

    def test_a_lifetime(self) -> None:
        parent = Parent(1)
        parent.at(Tick())
        parent.at(Started(1, 7, lifetime=60.0))
        parent.at(Ready(1))
        parent.at(Heard(1), after=59)
        assert parent.at(Heard(1), after=1) == [Start(2, 1)]

    def test_a_replacement_that_fails_is_tried_again(self) -> None:
        parent = Parent(1).up()
        parent.at(Leaving(1, "x"))
        assert parent.at(Exited(2, 1)) == []
        parent.at(Heard(1))
        assert parent.at(Tick(), after=0.5) == [Start(3, 1)]
        assert parent.numbers() == [1]


class TestScale:
    def test_one_more(self) -> None:
        parent = Parent(2).up()
        assert parent.at(Scale(1)) == [Start(3, 3)]
        assert parent.at(Ready(3)) == [Announce("ready")]

    def test_one_fewer_is_the_last_place(self) -> None:
        parent = Parent(2).up()
        assert parent.at(Scale(-1))[0] == Drain(2, succeeded=True)
        assert parent.at(Exited(2, 0)) == []

    def test_never_below_one(self) -> None:
        parent = Parent(1).up()
        assert parent.at(Scale(-1)) == []
        assert parent.numbers() == [1]

    def test_a_place_that_comes_back_has_its_number(self) -> None:
        parent = Parent(2).up()
        parent.at(Scale(-1))
        parent.at(Exited(2, 0))
        assert parent.at(Scale(1)) == [Start(3, 2)]


class TestStop:
    def test_listeners_close_before_workers_are_told(self) -> None:
        parent = Parent(2).up()
        assert parent.at(Stop()) == [Announce("stopping"), CloseListeners(), Drain(1), Drain(2)]
        assert parent.at(Exited(1, 0)) == []
        assert parent.at(Exited(2, 0)) == [End(0)]

    def test_who_doesnt_go_is_killed(self) -> None:
        parent = Parent(1, drain=10.0).up()
        parent.at(Stop())
        assert parent.at(Tick(), after=9.9) == []
        assert parent.at(Tick(), after=0.1) == [Kill(1)]
        assert parent.at(Exited(1, -9)) == [End(0)]

    def test_who_drains_already_without_haste_is_told_again(self) -> None:
        parent = Parent(1).up()
        parent.at(Reload())
        parent.at(Ready(2))
        assert parent.at(Stop())[2:] == [Drain(1), Drain(2)]

    def test_now(self) -> None:
        parent = Parent(1).up()
        parent.at(Stop())
        assert parent.at(Stop(now=True)) == [Hurry(1)]
        assert parent.at(Tick(), after=2.0) == [Kill(1)]

    def test_nothing_starts_any_more(self) -> None:
        parent = Parent(2).up()
        parent.at(Stop())
        parent.at(Exited(1, -9))
        assert parent.at(Reload()) == []
        assert parent.at(Scale(3)) == []
        assert parent.at(Exited(2, 1)) == [End(0)]

    def test_without_a_worker_it_is_over_at_once(self) -> None:
        parent = Parent(1).up()
        parent.at(Pause())
        parent.at(Exited(1, 0))
        assert parent.at(Stop()) == [Announce("stopping"), CloseListeners(), End(0)]


def test_pause_sends_all_away_and_a_restart_brings_them_back() -> None:
    parent = Parent(2).up()
    assert parent.at(Pause()) == [Drain(1), Drain(2)]
    parent.at(Exited(1, 0))
    parent.at(Exited(2, 0))
    assert parent.at(Tick(), after=60) == []
    assert parent.at(Reload()) == [Announce("reloading"), Start(3, 1), Start(4, 2)]


class TestUpgrade:
    def test_the_old_one_goes_when_the_new_one_serves(self) -> None:
        parent = Parent(2).up()
        assert parent.at(Upgrade()) == [StartSuccessor()]
        assert parent.at(Tick(), after=1) == []
        assert parent.at(Succeeded()) == [
            Announce("succeeded"),
            CloseListeners(),
            Drain(1, succeeded=True),
            Drain(2, succeeded=True),
        ]
        parent.at(Exited(1, 0))
        assert parent.at(Exited(2, 0)) == [End(0)]

    @pytest.mark.parametrize("code", [3, 0, -11])
    def test_it_stays_where_the_new_one_ends(self, code: int) -> None:
        parent = Parent(1).up()
        parent.at(Upgrade())
        assert parent.at(SuccessorEnded(code)) == []
        assert "before it was ready. This one goes on." in parent.said[-1]
        assert parent.at(Upgrade()) == [StartSuccessor()]

    def test_only_one_at_a_time(self) -> None:
        parent = Parent(1).up()
        parent.at(Upgrade())
        assert parent.at(Upgrade()) == []

    def test_a_stop_ends_the_new_one_first(self) -> None:
        parent = Parent(1).up()
        parent.at(Upgrade())
        assert parent.at(Stop())[0] == EndSuccessor()
        assert parent.at(SuccessorEnded(0)) == []
        assert parent.at(Succeeded()) == []

    def test_workers_that_crash_meanwhile_are_replaced(self) -> None:
        parent = Parent(1).up()
        parent.at(Upgrade())
        assert parent.at(Exited(1, -9)) == [Start(2, 1)]

    def test_the_new_ones_end_later_is_not_ours(self) -> None:
        parent = Parent(1).up()
        parent.at(Upgrade())
        parent.at(Succeeded())
        assert parent.at(SuccessorEnded(-9)) == []


class TestDelayedStop:
    def test_workers_are_noticed_first_and_drain_later(self) -> None:
        parent = Parent(2, delay=4.0).up()
        assert parent.at(StopLater()) == [Announce("stopping"), Notice(1), Notice(2)]
        assert parent.said == ["Draining in 4 s; until then connections are accepted."]
        assert parent.at(Tick(), after=3.5) == []
        assert parent.at(Tick(), after=0.5) == [CloseListeners(), Drain(1), Drain(2)]
        parent.at(Exited(1, 0))
        assert parent.at(Exited(2, 0)) == [End(0)]

    @pytest.mark.parametrize("event", [StopLater(), Stop()])
    def test_being_told_again_ends_the_delay(self, event: Event) -> None:
        parent = Parent(1, delay=10.0).up()
        parent.at(StopLater())
        assert parent.at(event, after=1.0) == [CloseListeners(), Drain(1)]

    def test_now_means_now(self) -> None:
        parent = Parent(1, delay=10.0).up()
        parent.at(StopLater())
        assert parent.at(Stop(now=True)) == [CloseListeners(), Hurry(1)]

    def test_without_a_delay_or_a_worker_it_is_a_stop(self) -> None:
        assert Parent(1).up().at(StopLater()) == [
            Announce("stopping"),
            CloseListeners(),
            Drain(1),
        ]
        booting = Parent(1, delay=10.0)
        booting.at(Tick())
        assert booting.at(StopLater()) == [Announce("stopping"), CloseListeners(), Drain(1)]

    def test_a_worker_that_is_lost_meanwhile_is_replaced_and_noticed(self) -> None:
        parent = Parent(2, delay=10.0).up()
        parent.at(StopLater())
        assert parent.at(Exited(1, -9)) == [Start(3, 1)]
        # Before it serves, so that it never says that it stays.
        assert parent.at(Started(3, 1003)) == [Notice(3)]
        assert parent.at(Ready(3)) == []

    def test_a_restart_that_was_on_its_way_goes_no_further(self) -> None:
        parent = Parent(2, delay=10.0).up()
        assert parent.at(Reload()) == [Announce("reloading"), Start(3, 1)]
        assert parent.at(StopLater()) == [Announce("stopping"), Notice(1), Notice(2)]
        # It was begun, so it takes its place; the others stay.
        assert parent.at(Started(3, 1003)) == [Notice(3)]
        assert parent.at(Ready(3)) == [Drain(1, succeeded=True)]
        assert parent.at(Exited(1, 0)) == []

    def test_nothing_new_begins(self) -> None:
        parent = Parent(1, delay=10.0).up()
        parent.at(Upgrade())
        assert parent.at(StopLater()) == [EndSuccessor(), Announce("stopping"), Notice(1)]
        for event in (Reload(), Scale(1), Pause(), Upgrade(), Succeeded(), SuccessorEnded(0)):
            assert parent.at(event) == []
        assert parent.stages() == {1: Stage.READY}

    def test_recycling_and_crashes_go_on(self) -> None:
        parent = Parent(1, delay=10.0).up()
        parent.at(StopLater())
        assert parent.at(Leaving(1, "it has served 10 requests")) == [Start(2, 1)]
        assert parent.at(Started(2, 1002)) == [Notice(2)]
        assert parent.at(Ready(2)) == [Drain(1, succeeded=True)]

    def test_one_that_boots_is_noticed_too(self) -> None:
        parent = Parent(2, delay=10.0).up()
        parent.at(Exited(2, -9))
        parent.at(Started(3, 1003))
        assert parent.at(StopLater()) == [Announce("stopping"), Notice(1), Notice(3)]

    def test_the_old_one_of_an_upgrade_has_no_delay(self) -> None:
        parent = Parent(1, delay=10.0).up()
        parent.at(Upgrade())
        assert parent.at(Succeeded())[:2] == [Announce("succeeded"), CloseListeners()]
