"""Import strings, and what people write instead of them."""

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tricorn.serve.importer import (
    ImportFromStringError,
    import_app,
    import_from_string,
    insert_app_dir,
)
from tricorn.serve.user_error import UserCodeError

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write the user's modules, in a directory that is current and first on the path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)

    def call(**modules: str) -> None:
        for name, text in modules.items():
            path = tmp_path / (name.replace("__", "/") + ".py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        importlib.invalidate_caches()

    yield call
    for name in set(sys.modules) - known:
        del sys.modules[name]


def message(import_str: str, find: Callable[[str], object] = import_app) -> str:
    with pytest.raises(ImportFromStringError) as caught:
        find(import_str)
    text = str(caught.value)
    assert "\n" not in text
    assert caught.value.exit_code == 3
    return text


def test_attributes_of_attributes(write: Write) -> None:
    write(u_main="class holder:\n    app = 'it'\napp = 'top'")
    assert import_from_string("u_main:app") == "top"
    assert import_from_string("u_main:holder.app") == "it"
    assert import_app("u_main:holder.app") == ("it", "u_main:holder.app")


def test_a_module_in_a_package(write: Write) -> None:
    write(u_pkg__web="app = 'it'")
    assert import_from_string("u_pkg.web:app") == "it"


def test_what_is_no_string_is_itself() -> None:
    assert import_from_string(print) is print


def test_a_module_alone_tries_both_names(write: Write) -> None:
    write(u_a="app = 1\napplication = 2", u_b="application = 2", u_c="api = 3")
    assert import_app("u_a") == (1, "u_a:app")
    assert import_app("u_b") == (2, "u_b:application")
    assert message("u_c") == (
        'Module "u_c" has neither "app" nor "application". Say which object to serve: "u_c:NAME".'
    )


def test_only_an_app_may_be_a_module_alone(write: Write) -> None:
    write(u_a="app = 1")
    assert message("u_a", import_from_string) == (
        'Import string "u_a" must be in format "<module>:<attribute>".'
    )


@pytest.mark.parametrize("text", ["", ":", "main:", ":app", "main:app.", ".main:app", "a b:app"])
def test_what_is_no_import_string(text: str) -> None:
    assert message(text) == f'Import string "{text}" must be in format "<module>:<attribute>".'


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("u_main.py", 'Did you mean "u_main:app"?'),
        ("u_main.py:api", 'Did you mean "u_main:api"?'),
        ("./u_main.py:api", 'Did you mean "u_main:api"?'),
        ("./u_main", 'Did you mean "u_main:app"?'),
        ("src/u_main:api", 'Did you mean "u_main:api" with --app-dir src?'),
        ("src/u_main.py:api", 'Did you mean "u_main:api" with --app-dir src?'),
        ("src\\u_main.py:api", 'Did you mean "u_main:api" with --app-dir src?'),
        ("/srv/u_main.py", 'Did you mean "u_main:app" with --app-dir /srv?'),
    ],
)
def test_a_path_is_told_its_import_string_before_it_runs(
    write: Write, text: str, hint: str
) -> None:
    write(u_main="raise SystemExit('it ran')")
    assert message(text) == f'"{text.partition(":")[0]}" is a path, not a module. {hint}'


def test_a_package_with_a_module_called_py_is_no_path(write: Write) -> None:
    write(u_pkg__py="app = 'it'")
    assert import_from_string("u_pkg.py:app") == "it"


def test_a_missing_module(write: Write) -> None:
    write(u_service="app = 1")
    assert message("u_servce:api") == (
        'Could not import module "u_servce". Did you mean "u_service:api"?'
    )
    searched = Path.cwd()
    os.chdir("/")  # --app-dir is looked in first, wherever the process is
    assert message("zzzzzz") == (
        f'Could not import module "zzzzzz". There is none in {searched} or installed; '
        "--app-dir names another directory."
    )


def test_a_missing_module_of_a_package(write: Write) -> None:
    write(u_pkg__web="app = 1")
    assert message("u_pkg.wb:app") == (
        'Could not import module "u_pkg.wb". The package "u_pkg" has no "wb". '
        'Did you mean "u_pkg.web:app"?'
    )
    assert message("u_pkg.zzzzzz.more:app") == (
        'Could not import module "u_pkg.zzzzzz.more". The package "u_pkg" has no "zzzzzz".'
    )


def test_a_dot_in_place_of_the_colon(write: Write) -> None:
    write(u_main="app = 1")
    assert message("u_main.app") == (
        'Could not import module "u_main.app". "u_main" is a module. Did you mean "u_main:app"?'
    )


def test_a_missing_attribute_with_a_near_one(write: Write) -> None:
    write(u_main="class holder:\n    service = 1\napplication = 2")
    assert message("u_main:aplication") == (
        'Attribute "aplication" not found in module "u_main". Did you mean "u_main:application"?'
    )
    assert message("u_main:holder.servce") == (
        'Attribute "holder.servce" not found in module "u_main". '
        'Did you mean "u_main:holder.service"?'
    )
    assert message("u_main:qqq") == 'Attribute "qqq" not found in module "u_main".'


def user_error(import_str: str) -> str:
    with pytest.raises(UserCodeError) as caught:
        import_app(import_str)
    assert caught.value.exit_code == 3
    text = str(caught.value)
    assert "importlib" not in text
    assert "tricorn" not in text.replace(str(Path.cwd()), "")
    return text.replace(str(Path.cwd()) + "/", "")


def test_an_import_error_inside_the_module_is_the_users(write: Write) -> None:
    write(u_main="import u_parts", u_parts="\n\nimport missing_thing")
    assert user_error("u_main:app") == (
        'Importing "u_main" failed:\n'
        "Traceback (most recent call last):\n"
        '  File "u_main.py", line 1, in <module>\n'
        "    import u_parts\n"
        '  File "u_parts.py", line 3, in <module>\n'
        "    import missing_thing\n"
        "ModuleNotFoundError: No module named 'missing_thing'"
    )


def test_a_missing_submodule_of_the_module_itself_is_the_users(write: Write) -> None:
    write(u_main="import u_main.part")
    assert "'u_main' is not a package" in user_error("u_main:app")


def test_any_other_error_inside_the_module(write: Write) -> None:
    write(u_main="def f():\n    raise LookupError('no settings')\nf()")
    text = user_error("u_main:app")
    assert text.startswith('Importing "u_main" failed:\nTraceback (most recent call last):\n')
    assert '  File "u_main.py", line 3, in <module>\n' in text
    assert text.endswith("LookupError: no settings")


def test_a_chained_error_is_told_whole(write: Write) -> None:
    write(u_main="try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError from e")
    text = user_error("u_main:app")
    assert "ZeroDivisionError: division by zero" in text
    assert "direct cause" in text


def test_a_syntax_error_has_only_its_place(write: Write) -> None:
    write(u_main="def f(:\n")
    lines = user_error("u_main:app").splitlines()
    assert lines[:3] == [
        'Importing "u_main" failed:',
        '  File "u_main.py", line 1',
        "    def f(:",
    ]
    assert lines[-1].startswith("SyntaxError")


def test_the_original_exception_keeps_its_whole_traceback(write: Write) -> None:
    write(u_main="1 / 0")
    with pytest.raises(UserCodeError) as caught:
        import_app("u_main:app")
    cause = caught.value.__cause__
    assert isinstance(cause, ZeroDivisionError)
    assert cause.__traceback__ is not None
    assert cause.__traceback__.tb_frame.f_code.co_name == "_import_module"


def test_errors_while_looking_up_attributes_are_the_users(write: Write) -> None:
    write(
        u_main="def __getattr__(name):\n    import missing_thing\n",
        u_deep="class C:\n    @property\n    def app(self):\n        return self.typo\nc = C()",
    )
    assert "No module named 'missing_thing'" in user_error("u_main:app")
    assert "no attribute 'typo'" in user_error("u_deep:c.app")


def test_a_module_that_exits_does_so(write: Write) -> None:
    write(u_main="raise SystemExit(7)")
    with pytest.raises(SystemExit) as caught:
        import_app("u_main:app")
    assert caught.value.code == 7


def test_the_app_directory_comes_first_and_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["elsewhere"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    insert_app_dir("src")
    insert_app_dir("src")
    assert sys.path == [str(tmp_path / "src"), "elsewhere"]
    insert_app_dir("")
    assert sys.path[0] == str(tmp_path)


def test_an_app_directory_that_is_none() -> None:
    with pytest.raises(ImportFromStringError, match="--app-dir: there is no directory nowhere"):
        insert_app_dir("nowhere")


@pytest.mark.parametrize("import_str", ["json:app", "json"])
def test_a_module_that_has_the_name_of_another(write: Write, import_str: str) -> None:
    write(json="async def app(scope, receive, send): ...")
    theirs, ours = importlib.import_module("json").__file__, Path("json.py").resolve()
    hint = f" It was found in {theirs}, and not in {ours}: rename yours."
    assert message(import_str).endswith(hint)
