"""The table itself, and that it is Uvicorn's where it says so."""

import inspect
from pathlib import Path
from typing import Any

import click
import pytest
import uvicorn

from tricorn.settings.config import Config
from tricorn.settings.option import Group, Kind, Option, Scope
from tricorn.settings.options import BY_NAME, CONFIG_PARAMETERS, OPTIONS, RUN_PARAMETERS
from tricorn.settings.values import convert

DOCUMENT = Path(__file__).parents[2] / "docs" / "uvicorn.md"

# Parameter -> what docs/uvicorn.md must say about it. Everything else is Uvicorn's to the letter.
OTHER_DEFAULTS = {
    "timeout_graceful_shutdown": "One endless response",
    "http2": "trusted proxies",
    "log_config": "stands for tricorn's own logging configuration",
}
# The table holds the value that counts; the signature holds None, as Uvicorn's does, so that the
# environment can be asked.
ASKED_OF_THE_ENVIRONMENT = {"forwarded_allow_ips"}

ours = [option for option in OPTIONS if option.ours]
theirs = [option for option in OPTIONS if not option.ours]


def defaults(function: Any) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters
    return {name: parameter.default for name, parameter in parameters.items()}


class Asked(dict[str, str]):
    """An empty environment that notes what is looked up in it."""

    def __init__(self, asked: list[str]) -> None:
        super().__init__()
        self.asked = asked

    def get(self, key: str, default: Any = None) -> Any:
        self.asked.append(key)
        return default


def test_each_name_and_each_flag_is_there_once() -> None:
    assert len(BY_NAME) == len(OPTIONS)
    flags = [flag for o in OPTIONS if o.on_command_line for flag in o.flags.split("/")]
    assert len(set(flags)) == len(flags)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda o: o.name)
def test_a_row_is_sound(option: Option) -> None:
    assert convert(option, option.default, option.name) == option.default
    assert option.help.endswith((".", "process."))
    assert option.choices or option.kind not in (Kind.CHOICE, Kind.NAME, Kind.LEVEL)
    assert not (option.negative and option.kind is not Kind.BOOLEAN)
    assert isinstance(option.group, Group)


def test_the_signature_of_config_is_the_table() -> None:
    signature = defaults(Config)
    assert set(signature) == set(CONFIG_PARAMETERS)
    for name, default in signature.items():
        if name == "app":
            assert default is inspect.Parameter.empty
        elif name in ASKED_OF_THE_ENVIRONMENT:
            assert default is None
        else:
            assert default == BY_NAME[name].default, name


def test_positional_parameters_of_config_are_uvicorns_in_its_order() -> None:
    def positional(cls: type) -> list[str]:
        parameters = inspect.signature(cls).parameters.values()
        return [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]

    assert positional(Config) == positional(uvicorn.Config)
    keyword_only = set(CONFIG_PARAMETERS) - set(positional(Config))
    assert keyword_only == {option.name for option in ours if option.scope is Scope.ALL}


@pytest.mark.parametrize("name", defaults(uvicorn.Config))
def test_a_default_of_config_is_uvicorns(name: str) -> None:
    if name not in OTHER_DEFAULTS:
        assert defaults(Config)[name] == defaults(uvicorn.Config)[name]


def test_differing_defaults_differ_and_are_documented() -> None:
    text = " ".join(DOCUMENT.read_text().split())
    for name, reason in OTHER_DEFAULTS.items():
        assert defaults(Config)[name] != defaults(uvicorn.Config)[name]
        assert f"| `{name}` |" in text
        assert reason in text


def test_run_takes_all_that_uvicorns_takes() -> None:
    known = set(RUN_PARAMETERS)
    assert set(defaults(uvicorn.run)) == known - {option.name for option in ours}


def test_every_option_of_uvicorns_is_marked_so() -> None:
    of_uvicorn = {*defaults(uvicorn.Config), *defaults(uvicorn.run)}
    assert {option.name for option in theirs} == of_uvicorn


params = {str(p.name): p for p in uvicorn.main.params if p.name != "version"}


class TestCommandLine:
    def test_the_same_options(self) -> None:
        assert set(params) == {option.name for option in theirs if option.on_command_line}

    @pytest.mark.parametrize("name", [name for name in params if name != "app"])
    def test_spelt_the_same(self, name: str) -> None:
        param, option = params[name], BY_NAME[name]
        assert isinstance(param, click.Option)
        assert {*param.opts, *param.secondary_opts} == set(option.flags.split("/"))
        assert param.multiple == (option.kind in (Kind.LIST, Kind.FIELDS))
        assert param.is_flag == (
            bool(option.bare) or (option.kind is Kind.BOOLEAN and not option.valued)
        )

    @pytest.mark.parametrize("name", [name for name in params if name != "app"])
    def test_the_same_variable(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        param = params[name]
        asked: list[str] = []
        context = click.Context(uvicorn.main, auto_envvar_prefix="UVICORN")
        monkeypatch.setattr("os.environ", Asked(asked))
        param.resolve_envvar_value(context)
        assert asked == [f"UVICORN_{name.upper()}"]
        assert BY_NAME[name].environment[:2] == (f"TRICORN_{name.upper()}", asked[0])


@pytest.mark.parametrize("option", ours, ids=lambda o: o.name)
def test_uvicorns_variables_stop_at_uvicorns_options(option: Option) -> None:
    assert not [variable for variable in option.environment if variable.startswith("UVICORN_")]
