"""tricorn's workers under gunicorn: requests, settings, logs, hooks and restarts."""

import json
import os
import re
import signal
import socket
from pathlib import Path

import pytest

from tests.recipes.gunicorn_master import HOOKS, REQUEST_HOOKS, gunicorn, has_setting
from tests.support.load import Load
from tests.support.pages import block
from tests.support.raw import RawClient
from tests.support.wait import DEADLINE, wait_for
from tests.support.workers import children

PAGE = "docs/deployment/gunicorn.md"
ROOT_PATH = "/api" if has_setting("root_path") else ""

# They share a gunicorn, which the test of USR2 ends.
pytestmark = pytest.mark.xdist_group("gunicorn")


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    """Two workers, with the settings that the documentation shows and some more."""
    place = tmp_path_factory.mktemp("gunicorn")
    conf = block(PAGE, "python", "worker_class") + HOOKS + REQUEST_HOOKS
    args = ["-w", "2", "--pid", str(place / "pid")]
    args += ["--root-path", ROOT_PATH] if ROOT_PATH else []
    args += ["-b", "127.0.0.1:0", "-b", "[::1]:0", "-b", f"unix:{place}/socket"]
    args += ["--error-logfile", str(place / "errors"), "--access-logfile", str(place / "access")]
    args += ["--access-logformat", '%(h)s "%(r)s" %(s)s %(B)s %(m)s %(U)s ?%(q)s %(f)s'
             " %({x-tag}i)s %({content-type}o)s %(M)s"]  # fmt: skip
    args += ["--limit-request-line", "500", "--limit-request-fields", "12"]
    args += ["--forwarded-allow-ips", "127.0.0.1"]
    with gunicorn(place, *args, conf=conf) as started:
        wait_for(lambda: (place / "errors").exists(), what="the error log")
        wait_for(lambda: "Listening at" in (place / "errors").read_text(), what="the addresses")
        started.wait_ready(2)
        yield LoggedMaster(started, place)


class LoggedMaster:
    """A master whose logs are files."""

    def __init__(self, master, place):
        self.master = master
        self.place = place
        found = re.search(r"Listening at: (\S+)", self.log("errors"))[1]
        self.tcp, self.tcp6 = (
            (host.strip("[]"), int(port))
            for host, port in re.findall(r"http://(.+?):(\d+)(?:,|$)", found)
        )

    def log(self, name):
        return (self.place / name).read_text()

    def connect(self, kind="tcp"):
        places = {"tcp": self.tcp, "tcp6": self.tcp6, "unix": str(self.place / "socket")}
        return RawClient(places[kind])

    def facts(self, *lines, kind="tcp"):
        with self.connect(kind) as client:
            return json.loads(client.get("/facts", *lines).body)


@pytest.mark.parametrize("kind", ["tcp", "tcp6", "unix"])
def test_every_bind_is_served(master, kind):
    facts = master.facts(kind=kind)
    if kind == "unix":
        assert facts["client"] is None and facts["server"] == [f"{master.place}/socket", None]
    else:
        host = {"tcp": "127.0.0.1", "tcp6": "::1"}[kind]
        assert facts["client"][0] == facts["server"][0] == host
    assert (facts["root_path"], facts["path"]) == (ROOT_PATH, f"{ROOT_PATH}/facts")


def test_forwarding_fields_count_from_trusted_peers_only(master):
    lines = ("X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https")
    for kind in ("tcp", "unix"):  # whoever may open the socket is trusted, as in gunicorn
        facts = master.facts(*lines, kind=kind)
        assert facts["client"][0] == "192.0.2.7" and facts["scheme"] == "https"
    facts = master.facts(*lines, kind="tcp6")
    assert facts["client"][0] == "::1" and facts["scheme"] == "http"


def test_limits_that_are_set_hold(master):
    with master.connect() as client:
        assert client.get("/?" + "a" * 600).status == 414
    with master.connect() as client:
        assert client.get("/", *(f"X-{number}: 1" for number in range(12))).status == 431


def access_line(master, tag):
    found = wait_for(
        lambda: [line for line in master.log("access").splitlines() if tag in line], what=tag
    )
    assert len(found) == 1
    return found[0]


def test_access_log_has_gunicorns_format(master):
    with master.connect() as client:
        client.get("/facts?a=1&b", "X-Tag: plain", 'Referer: http://a/"b"')
    size = r"\d+"
    assert re.fullmatch(
        rf'127.0.0.1 "GET /facts\?a=1&b HTTP/1.1" 200 {size} GET {ROOT_PATH}/facts \?a=1&b'
        r' http://a/\\"b\\" plain text/plain \d+',
        access_line(master, " plain "),
    )


def test_access_log_tells_of_failed_apps_and_shows_the_forwarded_client(master):
    with master.connect() as client:
        client.get("/fail", "X-Tag: failed", "X-Forwarded-For: 192.0.2.8")
    assert access_line(master, " failed ").startswith('192.0.2.8 "GET /fail HTTP/1.1" 500 0 ')
    wait_for(lambda: "ValueError: the app failed" in master.log("errors"), what="the error")


def test_access_log_counts_no_content_of_head(master):
    with master.connect() as client:
        client.send(b"HEAD / HTTP/1.1\r\nHost: test\r\nX-Tag: head\r\n\r\n")
        assert client.read_response("HEAD").status == 200
    assert " 200 0 HEAD" in access_line(master, " head ")


def test_request_hooks_see_request_and_response(master):
    with master.connect() as client:
        client.get("/?hook=1")
    before = master.master.wait_notes("pre_request GET /?hook=1")
    pid = before[-1].split()[-1]
    assert before == [f"pre_request GET /?hook=1 test {pid}"]
    after = master.master.wait_notes("post_request 200 OK 4 127.0.0.1")
    assert any(line.endswith(pid) for line in after)


def test_errors_go_to_gunicorns_log_once(master):
    with master.connect() as client:
        client.send(b"GET /bad\x01target HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.read_response().status == 400
    line = r"\[\S+ \S+ \+0000\] \[\d+\] \[WARNING\] Invalid HTTP request from 127.0.0.1:\d+: .*"
    wait_for(lambda: re.search(line, master.log("errors")), what="the warning")
    assert master.master.server.output() == ""


def test_hup_under_load_replaces_the_workers(master):
    started = len(master.master.pids())
    with Load(master.connect) as load:
        master.master.signal(signal.SIGHUP)
        master.master.wait_ready(started + 2)
        master.master.wait_notes("stopped", 2)
        load.wait_answered(20)
    load.check()
    assert master.master.notes("on_reload")


def writes_to(master, name):
    """Whether a process of this gunicorn has the file open."""
    pid = master.master.server.pid
    opened = [file for each in (pid, *children(pid)) for file in Path(f"/proc/{each}/fd").iterdir()]
    return any(os.path.realpath(file) == str(master.place / name) for file in opened)


def test_usr1_opens_the_log_files_anew(master):
    for name in ("access", "errors"):
        os.rename(master.place / name, master.place / f"{name}.1")
    master.master.signal(signal.SIGUSR1)

    # Each worker hears of it by itself.
    wait_for(lambda: not writes_to(master, "access.1"), what="all to leave the old log")
    rotated = master.log("access.1")
    for number in range(8):
        with master.connect() as client:
            client.get("/", f"X-Tag: last-{number}")
        access_line(master, f" last-{number} ")
    assert master.log("access.1") == rotated
    wait_for((master.place / "errors").exists, what="the new error log")


def test_ttin_and_ttou_scale(master):
    started = len(master.master.pids())
    with Load(master.connect) as load:
        master.master.signal(signal.SIGTTIN)
        master.master.wait_ready(started + 1)
        ended = len(master.master.notes("worker_exit"))
        master.master.signal(signal.SIGTTOU)
        master.master.wait_notes("worker_exit", ended + 1)
        load.wait_answered(20)
    load.check()


def test_usr2_hands_over_to_a_new_master(master):
    """The whole of gunicorn is replaced: new master, new workers, same sockets."""
    place, old = master.place, master.master
    started = len(old.pids())
    with Load(master.connect) as load:
        old.signal(signal.SIGUSR2)
        old.wait_ready(started + 2)
        wait_for((place / "pid.2").exists, what="the new master's pid file")
        load.wait_answered(20)
        new = int((place / "pid.2").read_text())
        assert new != old.server.pid
        old.signal(signal.SIGTERM)
        # Its pipes stay open in the new one, so they can't be read to their end.
        assert old.server.process.wait(DEADLINE) == 0
        load.wait_answered(20)
    load.check()
    os.kill(new, signal.SIGTERM)
    old.wait_notes("on_exit", 2)
    called = {line.split()[0] for line in old.notes()}
    # The others are for what other tests do.
    elsewhere = {"note", "on_reload", "worker_int", "worker_abort"}
    assert called >= set(re.findall(r"def (\w+)\(", HOOKS)) - elsewhere
    with pytest.raises(OSError):
        master.connect()


def test_statsd_counts_requests(tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as statsd:
        statsd.bind(("127.0.0.1", 0))
        statsd.settimeout(DEADLINE)
        host, port = statsd.getsockname()
        with gunicorn(
            tmp_path, "--statsd-host", f"{host}:{port}", "--statsd-prefix", "test"
        ) as master:
            with master.connect() as client:
                assert client.get("/").status == 200
            seen = b""
            while b"test.gunicorn.request.status.200:1" not in seen:
                seen += statsd.recv(65536) + b"\n"
        assert b"test.gunicorn.requests:1" in seen and b"test.gunicorn.request.duration:" in seen


def test_nobody_is_told_of_requests_unless_asked():
    """The cheap path: without access log, statsd and hooks the app isn't wrapped."""
    pytest.importorskip("gunicorn")
    from gunicorn.config import Config
    from gunicorn.glogging import Logger

    from tricorn.compat.gunicorn_requests import watched

    class Worker:
        cfg = Config()
        log = Logger(cfg)

    app = object()
    assert watched(app, Worker()) is app
    Worker.cfg.set("accesslog", "-")
    assert watched(app, Worker()) is not app
    Worker.cfg.set("accesslog", None)
    Worker.cfg.set("post_request", lambda worker, req: None)
    assert watched(app, Worker()) is not app
