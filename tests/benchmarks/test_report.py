"""What the benchmarks make of their rounds: figures, targets, and what is lost."""

from dataclasses import replace

import pytest

from benchmarks import (
    report,
    targets,
)
from benchmarks.results import Results, Round, failures, losses, summarise
from tests.benchmarks.rig import SCENARIO, SERVER


def taken(server: str, total: float, scenario: str = "get", **more: float) -> Round:
    plain = Round(scenario, server, 1, 1.0, total, total, p50=1.0, p99=1.0, pss=1024.0)
    return replace(plain, **more)  # type: ignore[arg-type]


class TestSummary:
    def test_figures_are_medians_of_the_rounds(self) -> None:
        found = summarise([taken("a", 30, p99=1), taken("a", 10, p99=9), taken("a", 20, p99=5)])
        assert (found.total, found.p99) == (20, 5)

    def test_spread_is_the_range_of_the_totals_over_their_median(self) -> None:
        assert summarise([taken("a", 30), taken("a", 10), taken("a", 20)]).spread == 1.0

    def test_one_failed_round_leaves_no_figures(self) -> None:
        found = summarise([taken("a", 30), Round("get", "a", failure="it burnt down")])
        assert (found.failure, found.total) == ("it burnt down", 0)

    def test_ratio_is_the_peers_cost_over_tricorns(self) -> None:
        assert Results([taken("tricorn", 10), taken("uvicorn", 45)]).ratio("get", "uvicorn") == 4.5

    def test_there_is_no_ratio_to_a_failure(self) -> None:
        results = Results([Round("get", "tricorn", failure="x"), taken("uvicorn", 45)])
        assert results.ratio("get", "uvicorn") is None

    def test_rounds_survive_json(self) -> None:
        results = Results([taken("tricorn", 10), Round("get", "a", failure="x")])
        assert Results.from_json(results.to_json()) == results


class TestLosses:
    def test_a_cheaper_peer_is_listed_and_a_dearer_one_is_not(self) -> None:
        results = Results([taken("tricorn", 10), taken("uvicorn", 11), taken("peregrine", 9.9)])
        found = losses(results, ["get"], ["uvicorn", "peregrine"])
        assert [(one.server, one.ours, one.theirs) for one in found] == [("peregrine", 10, 9.9)]

    def test_more_requests_per_second_win_and_longer_latency_loses(self) -> None:
        results = Results([taken("tricorn", 1), taken("h2corn", 2, per_second=2.0, p99=2.0)])
        assert [one.measure for one in losses(results, ["get"], ["h2corn"])] == [
            "requests per second"
        ]

    def test_cpu_comes_before_the_other_measures(self) -> None:
        rounds = [taken("tricorn", 2, "get", p99=2.0), taken("h2corn", 2, "get", p99=1.0)]
        rounds += [taken("tricorn", 2, "post"), taken("h2corn", 1, "post")]
        found = losses(Results(rounds), ["get", "post"], ["h2corn"])
        assert [one.scenario for one in found] == ["post", "get"]

    def test_a_failed_peer_beats_nobody(self) -> None:
        results = Results([taken("tricorn", 10), Round("get", "uvicorn", failure="x")])
        assert losses(results, ["get"], ["uvicorn"]) == []

    def test_tricorns_own_failures_are_told(self) -> None:
        results = Results([Round("get", "tricorn", failure="x")])
        assert failures(results, ["get", "post"]) == [("get", "x")]


class TestTargets:
    def verdicts(self, *rounds: Round) -> dict[tuple[str, str], bool | None]:
        found = targets.targets(Results(list(rounds)))
        return {(one.scenario, one.what): one.met for one in found}

    def test_a_ratio_is_met_exactly_at_the_requirement(self) -> None:
        met = self.verdicts(taken("tricorn", 10), taken("uvicorn", 40), taken("granian", 17.9))
        assert met["get", "uvicorn / tricorn"] is True
        assert met["get", "granian / tricorn"] is False
        assert met["get", "h2corn / tricorn"] is None

    def test_variants_are_compared_with_uvicorn(self) -> None:
        met = self.verdicts(
            taken("uvicorn", 40), taken("tricorn-interpreted", 41), taken("tricorn-asyncio", 39)
        )
        assert met["get", "uvicorn / tricorn-interpreted"] is False
        assert met["get", "uvicorn / tricorn-asyncio"] is True

    def test_memory_may_be_five_mebibytes_above_uvicorns(self) -> None:
        uvicorn = taken("uvicorn", 40, pss=20480.0)
        assert self.verdicts(taken("tricorn", 10, pss=25600.0), uvicorn)[
            "get", "memory above uvicorn's"
        ]
        assert (
            self.verdicts(taken("tricorn", 10, pss=25601.0), uvicorn)[
                "get", "memory above uvicorn's"
            ]
            is False
        )

    @pytest.mark.parametrize(
        ("scenario", "what", "most"),
        [
            ("1000", "growth with 1000 connections", 25),
            ("log", "growth with the access log on", 15),
        ],
    )
    def test_growth(self, scenario: str, what: str, most: int) -> None:
        few = taken("tricorn", 100)
        assert self.verdicts(few, taken("tricorn", 100 + most, scenario))[scenario, what] is True
        assert self.verdicts(few, taken("tricorn", 101 + most, scenario))[scenario, what] is False

    def test_an_echo_has_to_be_cheaper_than_any_peers(self) -> None:
        rounds = [taken(peer, cost, "ws-1k-1") for peer, cost in [("tricorn", 10), ("h2corn", 10)]]
        rounds += [taken("uvicorn", 30, "ws-1k-1"), taken("granian", 14.9, "ws-1k-1")]
        met = self.verdicts(*rounds)
        assert met["ws-1k-1", "h2corn / tricorn"] is False
        assert met["ws-1k-1", "uvicorn / tricorn"] is True
        assert met["ws-1k-1", "granian / tricorn"] is False
        assert ("ws-1k-1-deflate", "granian / tricorn") not in met  # it has none

    def test_an_idle_connection_has_to_be_smaller_than_a_python_peers(self) -> None:
        met = self.verdicts(
            taken("tricorn", 100, "ws-idle", idle=4.0),
            taken("uvicorn", 10, "ws-idle", idle=4.1),
            taken("hypercorn", 10, "ws-idle", idle=4.0),
        )
        assert met["ws-idle", "memory a connection, uvicorn / tricorn"] is True
        assert met["ws-idle", "memory a connection, hypercorn / tricorn"] is False

    @pytest.mark.parametrize(("ours", "met"), [(19.0, True), (21.0, False)])
    def test_tls_may_add_what_it_adds_to_nginx(self, ours: float, met: bool) -> None:
        rounds = [taken("nginx", 10), taken("nginx", 20, "tls"), taken("tricorn", 10)]
        found = targets.targets(Results([*rounds, taken("tricorn", ours, "tls")]))
        one = next(target for target in found if target.scenario == "tls")
        assert (one.required, one.met) == ("at most nginx's 10.0 µs", met)

    def test_no_message_need_cost_less_than_the_floors(self) -> None:
        rounds = [taken("tricorn", 10, "ws-32-1"), taken("floor", 5, "ws-32-1")]
        found = targets.targets(Results(rounds))
        assert not [one.what for one in found if "floor" in one.what]

    def test_every_target_names_a_scenario_and_a_server_that_exist(self) -> None:
        for scenario, peers in targets.REQUIRED_RATIOS.items():
            assert scenario in SCENARIO
            assert set(peers) <= set(SERVER)


class TestReport:
    facts = report.Facts("x", "python -m benchmarks", "3 rounds", [("CPU", "Z80")], [("a", "1")])

    def test_a_table_has_a_rule_and_a_line_for_each_row(self) -> None:
        assert report.table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | ---: |\n| 1 | 2 |\n"

    def test_servers_are_ranked_and_the_failed_and_the_unable_are_named(self) -> None:
        results = Results(
            [
                taken("uvicorn", 40, "wsgi"),
                taken("tricorn", 10, "wsgi"),
                Round("wsgi", "granian", failure="status 500, not 200"),
            ]
        )
        servers = [SERVER[key] for key in ("uvicorn", "tricorn", "granian", "h2corn")]
        text = report.render(self.facts, [SCENARIO["wsgi"]], servers, results)
        section = text.partition("## Plain WSGI app")[2]
        assert section.index("| tricorn | 10.0") < section.index("| uvicorn[standard] | 40.0")
        assert "| 4.00 |" in section
        assert "- granian: **failed**, status 500, not 200." in section
        assert "- h2corn: not run, it serves ASGI only." in section
        assert "Z80" in text

    def test_losses_are_listed_before_the_scenarios(self) -> None:
        results = Results([taken("tricorn", 10), taken("peregrine", 9), taken("floor", 5)])
        servers = [SERVER[key] for key in ("tricorn", "peregrine", "floor")]
        text = report.render(self.facts, [SCENARIO["get"]], servers, results)
        lost = text.partition("## What tricorn loses")[2].partition("## Small GET")[0]
        assert "| Small GET | CPU per request, µs | peregrine-server | 9.0 | 10.0 |" in lost
        assert "floor" not in lost
