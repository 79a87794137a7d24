"""Behind a CDN, whose part nginx's cache plays."""

import pytest

from tests.deployment.checks import (
    CLIENT,
    Front,
    check_request,
    check_restart,
    check_spoofing,
    facts,
    replace_workers,
)
from tests.deployment.nginx import start_nginx
from tests.support.places import free_port

pytest.importorskip("starlette")

PAGE = "cdn"
CDN = """
proxy_cache_path {root}/cache keys_zone=cdn:1m;
server {{
    listen {front};
    location / {{
        proxy_pass http://127.0.0.1:{back};
        proxy_bind 127.0.0.3;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_cache cdn;
        add_header X-Cache $upstream_cache_status always;
    }}
}}
"""


@pytest.fixture(scope="module")
def tricorn(machine):
    (machine.app / "main.py").rename(machine.app / "rest.py")
    # The CDN is at 127.0.0.3, and the client of the checks isn't.
    changes = {
        "0.0.0.0": "127.0.0.1",
        "8000": str(free_port()),
        "192.0.2.0/24": "127.0.0.3/32",
    }
    page = machine.install(PAGE, (), changes)
    with (machine.app / "main.py").open("a") as file:
        file.write('\nfrom rest import app as rest\napp.mount("/", rest)\n')
    return machine.serve(page.command("tricorn"))


@pytest.fixture(scope="module")
def front(machine, tricorn):
    front = Front(free_port())
    start_nginx(machine, front, CDN.format(root=machine.root, front=front.port, back=tricorn.port))
    return front


@pytest.mark.parametrize(
    ("path", "second"),
    [("/assets/site.4f2a91.css", b"HIT"), ("/news", b"HIT"), ("/account", b"MISS")],
)
def test_what_is_copied(front, path, second):
    found = []
    for _ in range(2):
        with front.connect() as client:
            response = client.get(path)
        assert response.status == 200
        found.append(response.header(b"x-cache"))
    assert found == [b"MISS", second]


def test_the_client_is_the_true_one(front):
    check_request(front)
    check_spoofing(front)


def test_who_comes_past_the_cdn_is_not_believed(tricorn):
    direct = Front(tricorn.port)
    check_spoofing(direct)
    seen = facts(direct, "/facts", "X-Forwarded-For: 127.0.0.3", "X-Forwarded-Proto: https")
    assert (seen["client"][0], seen["scheme"]) == (CLIENT, "http")


def test_restart(front, tricorn):
    check_restart(front, lambda: replace_workers(tricorn))
