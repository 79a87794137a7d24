"""Commands as people have them, and the tricorn commands that they become."""

import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from tricorn.settings.files import read_file
from tricorn.translate import output
from tricorn.translate.errors import Untranslatable
from tricorn.translate.translation import Translation, translate
from tricorn.translate.written import checked, left_to_line


def translated(*words: str, env: Mapping[str, str] | None = None) -> Translation:
    return translate(words, env or {})


def command(*words: str, env: Mapping[str, str] | None = None) -> str:
    return output.command(translated(*words, env=env))


UVICORN = {
    "uvicorn main:app": "tricorn main:app",
    "uvicorn main:app --host 0.0.0.0 --port 80": "tricorn main:app --host 0.0.0.0 --port 80",
    "uvicorn --port=80 main:app --reload": "tricorn main:app --port 80 --reload",
    "python -m uvicorn main:app --no-access-log": "python -m tricorn main:app --no-access-log",
    "python3.11 -O -W error -m uvicorn m:a": "python3.11 -O -W error -m tricorn m:a",
    "/srv/venv/bin/uvicorn m:a --factory": "/srv/venv/bin/tricorn m:a --factory",
    "DEBUG=1 A='b c' uvicorn m:a": "DEBUG=1 A='b c' tricorn m:a",
    "exec uvicorn m:a --port $PORT": "exec tricorn m:a --port $PORT",
    "uv run uvicorn m:a --http2": "uv run tricorn m:a --http2 all",
    "web: uvicorn m:a --port ${PORT:-5000}": "tricorn m:a --port ${PORT:-5000}",
    "ExecStart=/usr/bin/uvicorn m:a --fd 3": "/usr/bin/tricorn m:a --fd 3",
    'CMD ["uvicorn", "m:a", "--workers", "4"]': "tricorn m:a --workers 4",
    "uvicorn m:a --header 'X-A: b c' --header Y:z": ("tricorn m:a --header 'X-A:b c' --header Y:z"),
    "uvicorn m:a --ws-per-message-deflate false --use-colors": (
        "tricorn m:a --ws-per-message-deflate false --use-colors"
    ),
    "uvicorn m:a --reload --reload-dir a --reload-dir b": (
        "tricorn m:a --reload --reload-dir a --reload-dir b"
    ),
    "uvicorn m:a \\\n  --port 80 \\\n--reload": "tricorn m:a --port 80 --reload",
    "UVICORN_PORT=9 uvicorn m:a": "UVICORN_PORT=9 tricorn m:a",
    "PORT=9 uvicorn m:a": "PORT=9 tricorn m:a --host 127.0.0.1 --port 8000",
}
SYNC = "--interface wsgi --wsgi-threads 1 --no-access-log"
GUNICORN = {
    "gunicorn main": f"tricorn main:application {SYNC}",
    "gunicorn main:app --access-logfile -": (
        "tricorn main:app --access-log --interface wsgi --wsgi-threads 1"
    ),
    "gunicorn -k uvicorn.workers.UvicornWorker main:app -w4 -b :80": (
        "tricorn main:app --workers 4 --bind 0.0.0.0:80 --no-access-log"
    ),
    "gunicorn -k asgi m:a -b 127.0.0.1 -b [::1]:80 -b unix:/run/s --bind=fd://3": (
        "tricorn m:a --bind 127.0.0.1:8000 --bind '[::1]:80' --bind unix:/run/s --bind fd://3"
        " --no-access-log"
    ),
    "gunicorn --worker-class gthread --threads 8 m:a": (
        "tricorn m:a --interface wsgi --wsgi-threads 8 --no-access-log"
    ),
    "gunicorn --threads 8 m:a": "tricorn m:a --interface wsgi --wsgi-threads 8 --no-access-log",
    "gunicorn -k gevent m:a": "tricorn m:a --interface wsgi --no-access-log",
    "gunicorn -k asgi m:a --workers 3 --grace 9 -t 0": (
        "tricorn m:a --workers 3 --timeout-graceful-shutdown 9 --timeout-worker-healthcheck 0"
        " --no-access-log"
    ),
    "gunicorn -k asgi 'm:make()'": "tricorn m:make --factory --no-access-log",
    "gunicorn -k asgi m:a --limit-request-fields 50 --limit-request-field_size 100": (
        "tricorn m:a --limit-fields 50 --limit-field-section 5000 --no-access-log"
    ),
    "gunicorn -k asgi m:a --chdir /srv/app --env A=b -e C=d --pythonpath x,y": (
        "cd /srv/app && A=b C=d PYTHONPATH=x:y tricorn m:a --no-access-log"
    ),
    "gunicorn -k asgi m:a --umask 027 --user www --max-requests 0": (
        "tricorn m:a --umask 027 --user www --no-access-log"
    ),
    "gunicorn -k asgi m:a --http-protocols h2,h1 --certfile c --keyfile k": (
        "tricorn m:a --http2 tls --ssl-certfile c --ssl-keyfile k --no-access-log"
    ),
    "GUNICORN_CMD_ARGS='-k asgi -w 2 --timeout 7' gunicorn -w 4 m:a": (
        "tricorn m:a --workers 4 --timeout-worker-healthcheck 7 --no-access-log"
    ),
    "gunicorn -k asgi m:a --proxy-protocol v2 --proxy-allow-from 10.0.0.1": (
        "tricorn m:a --proxy-protocol v2 --forwarded-allow-ips 10.0.0.1 --no-access-log"
    ),
    "gunicorn -k asgi m:a --forwarded-allow-ips 10.0.0.2 --proxy-allow-from 10.0.0.1": (
        "tricorn m:a --forwarded-allow-ips 10.0.0.2 --no-access-log"
    ),
    "gunicorn -k asgi --forwarded-allow-ips 10.0.0.2 --proxy-allow-from 10.0.0.1 m:a"
    " --proxy-protocol": (
        "tricorn m:a --forwarded-allow-ips 10.0.0.2,10.0.0.1 --proxy-protocol auto --no-access-log"
    ),
    "PORT=9 gunicorn -k asgi m:a": "PORT=9 tricorn m:a --no-access-log",
    "gunicorn -k asgi m:a --reload --reload-extra-file a.html --preload --log-level DEBUG": (
        "tricorn m:a --reload --reload-include a.html --preload --log-level debug --no-access-log"
    ),
}
HYPERCORN = {
    "hypercorn main:app": "tricorn main:app --no-access-log",
    "hypercorn main": "tricorn main:app --no-access-log",
    "hypercorn src/main.py:app": "tricorn main:app --app-dir src --no-access-log",
    "hypercorn 'main:make()'": "tricorn main:make --factory --no-access-log",
    "hypercorn wsgi:main:app": "tricorn main:app --interface wsgi --no-access-log",
    "hypercorn m:a -b 0.0.0.0:80 --bind unix:/run/s -b localhost": (
        "tricorn m:a --bind 0.0.0.0:80 --bind unix:/run/s --bind localhost:8000 --no-access-log"
    ),
    "hypercorn m:a -w 4 -k uvloop --access-logfile - --keep-alive 9": (
        "tricorn m:a --workers 4 --loop uvloop --access-log --timeout-keep-alive 9"
    ),
    "hypercorn m:a --verify-mode CERT_REQUIRED --ca-certs a --certfile c --keyfile k": (
        "tricorn m:a --ssl-cert-reqs 2 --ssl-ca-certs a --ssl-certfile c --ssl-keyfile k"
        " --no-access-log"
    ),
    "hypercorn m:a -b unix:s -u 5 -g 6 -m 7": (
        "tricorn m:a --bind unix:s --uds-owner 5:6 --uds-mode 770 --no-access-log"
    ),
    "WEB_CONCURRENCY=3 hypercorn m:a": (
        "WEB_CONCURRENCY=3 tricorn m:a --no-access-log --workers 1"
    ),
}
GRANIAN = {
    "granian --interface asgi main:app": "tricorn main:app --interface asgi3 --no-access-log",
    "granian --interface asginl main": (
        "tricorn main:app --interface asgi3 --lifespan off --no-access-log"
    ),
    "granian --interface wsgi --blocking-threads 4 m:a --access-log": (
        "tricorn m:a --interface wsgi --wsgi-threads 4 --access-log"
    ),
    "granian m:a --interface asgi --http 1 --no-ws --workers 2": (
        "tricorn m:a --interface asgi3 --http2 off --ws none --workers 2 --no-access-log"
    ),
    "granian m:a --interface asgi --workers-lifetime 1h30m --workers-max-rss 256": (
        "tricorn m:a --interface asgi3 --limit-worker-lifetime 5400"
        " --limit-worker-memory 268435456 --no-access-log"
    ),
    "granian m:a --interface asgi --http1-header-read-timeout 1500 --no-http1-keep-alive": (
        "tricorn m:a --interface asgi3 --timeout-head 1.5 --timeout-keep-alive 0 --no-access-log"
    ),
    "granian m:a --interface asgi --no-log --uds /run/s --uds-permissions 0660": (
        "tricorn m:a --interface asgi3 --log-level critical --no-access-log --uds /run/s"
        " --uds-mode 660"
    ),
    "GRANIAN_PORT=9 GRANIAN_WORKERS=2 A=b granian --interface asgi m:a --port 10": (
        "A=b tricorn m:a --port 10 --workers 2 --interface asgi3 --no-access-log"
    ),
    "granian m:a --interface asgi --ssl-certificate c --ssl-keyfile k --ssl-client-verify": (
        "tricorn m:a --interface asgi3 --ssl-certfile c --ssl-keyfile k --ssl-cert-reqs 2"
        " --no-access-log"
    ),
}
DAPHNE = {
    "daphne main:app": "tricorn main:app",
    "daphne -p 9000 main:app": "tricorn main:app --bind 127.0.0.1:9000",
    "daphne -b ::1 main:app": "tricorn main:app --bind '[::1]:8000'",
    "daphne -b 0.0.0.0 -p 9000 -u /run/s --fd 3 m:a": (
        "tricorn m:a --bind 0.0.0.0:9000 --bind unix:/run/s --bind fd://3"
    ),
    "daphne -e tcp:port=80:interface=127.0.0.2 -e unix:/run/s m:a": (
        "tricorn m:a --bind 127.0.0.2:80 --bind unix:/run/s"
    ),
    "daphne -e ssl:443:privateKey=k.pem:certKey=c.pem m:a": (
        "tricorn m:a --bind 0.0.0.0:443 --ssl-certfile c.pem --ssl-keyfile k.pem"
    ),
    "daphne m:a -v 0 --no-server-name --ping-interval 9": (
        "tricorn m:a --log-level warning --no-access-log --no-server-header --ws-ping-interval 9"
    ),
    "daphne m:a -s mine --proxy-headers": (
        "tricorn m:a --header server:mine --proxy-headers --forwarded-allow-ips '*'"
    ),
}
COMMANDS = UVICORN | GUNICORN | HYPERCORN | GRANIAN | DAPHNE


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration file lies about."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("given", COMMANDS)
def test_command(given: str) -> None:
    assert command(given) == COMMANDS[given]


@pytest.mark.parametrize("given", COMMANDS)
def test_the_file_says_the_same(given: str, tmp_path: Path) -> None:
    """What is on the command line and what is in the file are the same options."""
    made = translated(given)
    path = tmp_path / "tricorn.toml"
    path.write_text(output.file(made))
    found, _ = read_file(str(path))
    left = left_to_line(made.options)
    assert found.pop("app") == made.app
    assert set(found) | set(left) == set(made.options)
    for name, value in found.items():
        assert checked(name, value, name) == made.options[name]


def test_words_behind_two_hyphens_are_the_same() -> None:
    assert command("gunicorn", "m:a", "-k", "asgi", "-w", "2") == command(
        "gunicorn m:a -k asgi -w 2"
    )


class TestGunicornsFile:
    FILE = (
        "import multiprocessing\n"
        "print('hello')\n"
        "bind = ['0.0.0.0:80', 'unix:/run/s']\n"
        "workers = 1 + 1\n"
        "worker_class = 'uvicorn.workers.UvicornWorker'\n"
        "my_own = 5\n"
        "accesslog = '-'\n"
        "wsgi_app = 'main:app'\n"
        "keepalive = 7\n"
        "def post_fork(server, worker): pass\n"
    )
    BECOMES = (
        "tricorn main:app --bind 0.0.0.0:80 --bind unix:/run/s --workers 2 --timeout-keep-alive 7"
        " --access-log"
    )

    @pytest.mark.parametrize(
        "given",
        ["gunicorn", "gunicorn -c gunicorn.conf.py", "gunicorn.conf.py",
         "gunicorn -c file:gunicorn.conf.py", "GUNICORN_CMD_ARGS='-c gunicorn.conf.py' gunicorn"],
    )  # fmt: skip
    def test_is_run(self, given: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        (tmp_path / "gunicorn.conf.py").write_text(self.FILE)
        made = translated(given)
        assert sorted(output.command(made).split()) == sorted(self.BECOMES.split())
        assert "was run" in made.remarks[0]
        assert [line for line in capfd.readouterr() if line] == ["hello\n"]  # on stderr alone

    def test_a_hook_has_no_equivalent(self, tmp_path: Path) -> None:
        (tmp_path / "gunicorn.conf.py").write_text(self.FILE)
        losses = output.losses(translated("gunicorn"))
        assert [loss.partition(":")[0] for loss in losses] == ["def post_fork has no equivalent"]
        assert "docs/deployment/gunicorn.md" in losses[0]

    def test_the_command_line_wins(self, tmp_path: Path) -> None:
        (tmp_path / "gunicorn.conf.py").write_text(self.FILE)
        made = translated("GUNICORN_CMD_ARGS='-w 5 --keep-alive 8' gunicorn -w 6")
        assert (made.options["workers"], made.options["timeout_keep_alive"]) == (6, 8)

    def test_as_a_module(self, tmp_path: Path) -> None:
        (tmp_path / "translated_settings.py").write_text("workers = 3\nworker_class = 'asgi'\n")
        made = translated("gunicorn -c python:translated_settings m:a")
        assert made.options["workers"] == 3

    @pytest.mark.parametrize(
        ("text", "error"),
        [
            ("workers = 1 / 0", "'x.py' can't be run: line 1: ZeroDivisionError: division by zero"),
            ("a = 1\nb = = 2", "'x.py' can't be run: line 2: SyntaxError: invalid syntax"),
            ("import sys\nsys.exit('no')", "'x.py' can't be run: line 2: SystemExit: no"),
            ("workers = 'many'", "workers in x.py: 'many' is not auto or a whole number"),
            ("bind = 5", "bind: 5 is no address and no list of addresses"),
        ],
    )
    def test_that_cannot_be_used(self, text: str, error: str, tmp_path: Path) -> None:
        (tmp_path / "x.py").write_text(text)
        with pytest.raises(Untranslatable) as raised:
            translated("gunicorn -c x.py m:a")
        assert str(raised.value).startswith(error)

    def test_that_is_not_there(self) -> None:
        with pytest.raises(Untranslatable, match=r"^'x\.py' can't be read: there is no such file"):
            translated("gunicorn -c x.py m:a")


class TestHypercornsFile:
    TOML = (
        'bind = ["0.0.0.0:80"]\nworkers = 2\ngraceful_timeout = 5\ninclude_server_header = false\n'
    )
    PYTHON = "import os\nbind = '0.0.0.0:80'\nworkers = 2\ngraceful_timeout = 5\n"
    BECOMES = (
        "--bind 0.0.0.0:80 --workers 2 --timeout-graceful-shutdown 5 --no-server-header"
        " --no-access-log"
    )

    @pytest.mark.parametrize(
        ("given", "app"),
        [("hypercorn -c hypercorn.toml m:a", "m:a"), ("hypercorn.toml", "APP")],
    )
    def test_toml(self, given: str, app: str, tmp_path: Path) -> None:
        (tmp_path / "hypercorn.toml").write_text(self.TOML)
        assert command(given) == f"tricorn {app} {self.BECOMES}"

    @pytest.mark.parametrize("place", ["file:x.py", "python:hypercorn_translated"])
    def test_python(self, place: str, tmp_path: Path) -> None:
        (tmp_path / "x.py").write_text(self.PYTHON)
        (tmp_path / "hypercorn_translated.py").write_text(self.PYTHON)
        made = translated(f"hypercorn -c {place} m:a")
        assert made.options == {
            "bind": ["0.0.0.0:80"],
            "workers": 2,
            "timeout_graceful_shutdown": 5,
            "access_log": False,
        }

    def test_python_by_its_name(self, tmp_path: Path) -> None:
        (tmp_path / "hypercorn_conf.py").write_text(self.PYTHON)
        assert command("hypercorn_conf.py").startswith("tricorn APP --bind 0.0.0.0:80 ")
        with pytest.raises(Untranslatable, match=r"wants a Python file as file:hypercorn_conf\.py"):
            translated("hypercorn -c hypercorn_conf.py m:a")

    def test_that_cannot_be_read(self, tmp_path: Path) -> None:
        (tmp_path / "x.toml").write_text("workers = = 2")
        with pytest.raises(Untranslatable, match=r"^'x\.toml' isn't valid TOML: "):
            translated("hypercorn -c x.toml m:a")
        with pytest.raises(Untranslatable, match=r"^'y\.toml' can't be read: No such file"):
            translated("hypercorn -c y.toml m:a")


ERRORS = {
    "": "there is no program in this command",
    "A=b": "there is no program in this command",
    "waitress-serve m:a": "'waitress-serve' is none of the servers",
    "python main.py": "python is started with a file of yours",
    "uvicorn": "this command gives Uvicorn no application",
    "uvicorn m:a m:b": "Uvicorn takes one application; m:a and m:b are too many",
    "uvicorn m:a --prot 80": "Uvicorn has no option --prot; did you mean --port?",
    "uvicorn m:a --work 2": "Uvicorn has no option --work",
    "uvicorn m:a --port": "Uvicorn's --port needs a value",
    "uvicorn m:a --reload=yes": "Uvicorn's --reload takes no value",
    "uvicorn m:a --port many": "--port: 'many' is not a whole number from 0 to 65535",
    "gunicorn m:a --limit-request-word 4": "gunicorn has no option --limit-request-word",
    "gunicorn m:a -b a/b:80": "'a/b:80' isn't an address",
    "gunicorn m:a --work 4": "gunicorn's --work may be --workers or",
    "GUNICORN_CMD_ARGS=oops gunicorn m:a": "GUNICORN_CMD_ARGS: 'oops' is no option",
    "granian m:a --interface cgi": "--interface: 'cgi' is not one of asgi, asginl, rsgi, wsgi",
    "granian m:a --workers-lifetime soon": "--workers-lifetime: 'soon' is not a duration",
    "daphne -e tls:443 m:a": "--endpoint tls:443: tricorn listens on tcp, ssl, unix and fd only",
    "daphne -v 7 m:a": "--verbosity: '7' is not a number from 0 to 3",
    "uvicorn m:a && ls": "'&&' is for the shell",
    "uvicorn m:a > log": "'>' is for the shell",
    "gunicorn 'm:a": "the command can't be split into words",
}


@pytest.mark.parametrize("given", ERRORS)
def test_error(given: str) -> None:
    with pytest.raises(Untranslatable) as raised:
        translated(given)
    assert ERRORS[given] in str(raised.value)
    assert "\n" not in str(raised.value)


def test_rsgi_is_told() -> None:
    assert "RSGI" in translated("granian m:a").remarks[0]
    assert "RSGI" not in str(translated("granian m:a --interface asgi").remarks)


def run(*args: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "tricorn", "translate", *args]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, cwd=cwd)


class TestProgram:
    def test_text(self, tmp_path: Path) -> None:
        done = run("gunicorn m:a -k asgi -w 2 --spew", cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert "-w 2     --workers 2\n" in done.stdout
        assert "--spew   none\n" in done.stdout
        assert "\n  tricorn m:a --workers 2 --no-access-log\n" in done.stdout
        assert "\n  workers = 2\n" in done.stdout

    def test_command_alone(self, tmp_path: Path) -> None:
        done = run(
            "--output", "command", "--", "gunicorn", "m:a", "-k", "asgi", "--spew", cwd=tmp_path
        )
        assert done.stdout == "tricorn m:a --no-access-log\n"
        assert done.stderr.startswith("Warning: --spew has no equivalent: ")

    def test_a_file_that_was_run_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "gunicorn.conf.py").write_text("worker_class = 'asgi'\nprint('mine')\n")
        done = run("--output", "toml", "--", "gunicorn", "m:a", cwd=tmp_path)
        assert tomllib.loads(done.stdout) == {"app": "m:a", "access_log": False}
        told = "Note: gunicorn.conf.py was run, as gunicorn does, to see what it says."
        assert done.stderr.splitlines() == ["mine", told]

    def test_options_may_follow_a_quoted_command(self, tmp_path: Path) -> None:
        done = run("uvicorn m:a --port 80", "--output", "toml", cwd=tmp_path)
        assert tomllib.loads(done.stdout) == {"app": "m:a", "port": 80}

    def test_words_need_no_hyphens(self, tmp_path: Path) -> None:
        done = run("--output", "command", "uvicorn", "m:a", "--port", "80", cwd=tmp_path)
        assert done.stdout == "tricorn m:a --port 80\n"

    def test_write(self, tmp_path: Path) -> None:
        words = ("uvicorn m:a --port 80", "--write", "tricorn.toml")
        done = run(*words, cwd=tmp_path)
        assert "\n  tricorn --config tricorn.toml\n" in done.stdout
        assert (tmp_path / "tricorn.toml").read_text() == 'app = "m:a"\nport = 80\n'
        again = run(*words, cwd=tmp_path)
        assert again.returncode == 2
        assert again.stderr == (
            "Error: --write: 'tricorn.toml' is there already; remove it or name another file\n"
        )

    def test_errors_are_one_line(self, tmp_path: Path) -> None:
        done = run("uvicorn m:a --prot 80", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == "Error: Uvicorn has no option --prot; did you mean --port?\n"

    def test_help(self, tmp_path: Path) -> None:
        done = run("--help", cwd=tmp_path)
        assert done.returncode == 0
        assert "--write FILE" in done.stdout
