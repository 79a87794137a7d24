"""The supervisor's decisions: states, events and times in, actions out."""

from __future__ import annotations

import pytest

from tests.supervise.decide_rig import Parent
from tricorn.supervise.decide import STEADY, pause_after
from tricorn.supervise.state import (
    Announce,
    CloseListeners,
    Drain,
    Dump,
    End,
    Exited,
    Explained,
    Heard,
    Interrupt,
    Kill,
    Leaving,
    Ready,
    Reload,
    Scale,
    Start,
    Started,
    Tick,
)


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
