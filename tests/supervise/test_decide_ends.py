"""The supervisor's decisions on the way out: stops, delays, and a successor."""

from __future__ import annotations

import pytest

from tests.supervise.decide_rig import Parent
from tricorn.supervise.state import (
    Announce,
    CloseListeners,
    Drain,
    End,
    EndSuccessor,
    Event,
    Exited,
    Hurry,
    Kill,
    Leaving,
    Notice,
    Pause,
    Ready,
    Reload,
    Scale,
    Stage,
    Start,
    Started,
    StartSuccessor,
    Stop,
    StopLater,
    Succeeded,
    SuccessorEnded,
    Tick,
    Upgrade,
)


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
