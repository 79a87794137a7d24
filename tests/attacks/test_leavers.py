"""Clients that ask apps for much and leave at once: the apps end, and others are served."""

import pytest

from tests.attacks.hostile_socket import HANDSHAKE
from tests.support.wait import wait_for

LINES = {"/big?mib=1000000": ["Host: a"], "/pour": ["Host: a", *HANDSHAKE]}


@pytest.mark.parametrize("target", list(LINES))
def test_an_app_that_only_sends(victim, tmp_path, target):
    """On a Unix socket what was sent is read though its sender has left: the app runs for nobody.

    It never waits for anything but `send()`, and the loop mustn't wait for it.
    """
    made = victim("--uds", str(tmp_path / "socket"))
    request = "\r\n".join([f"GET {target} HTTP/1.1", *LINES[target], "", ""]).encode()
    called = made.count()
    for _ in range(5):
        with made.connect() as client:
            client.send(request)
    wait_for(lambda: made.count() == called + 5, what="all five to be heard")
    if target == "/pour":
        wait_for(lambda: made.get("/poured") == b"-1", what="the app to be told")
