"""Pages about moving from another server: what they show is what `tricorn translate` says."""

import re

from tests.deployment.checks import Front, check_request, check_websocket
from tests.deployment.machine import Machine, Page
from tests.support.pages import blocks
from tests.support.places import free_port
from tests.support.raw import RawClient
from tests.support.server import Server
from tricorn.translate import output
from tricorn.translate.translation import translate


def pairs(topic: str) -> list[tuple[str, str]]:
    """Commands of the other server, and what the page has of tricorn's below them."""
    texts = blocks(f"docs/deployment/{topic}.md", "sh")
    lines = [text.splitlines() for text in texts if not text.startswith("tricorn")]
    assert all(len(pair) == 2 for pair in lines), "two lines: theirs, and tricorn's"
    return [(theirs, ours) for theirs, ours in lines]


def check_pairs(topic: str, least: int) -> None:
    found = pairs(topic)
    assert len(found) >= least
    for theirs, ours in found:
        assert output.command(translate([theirs], {})) == ours


def install(machine: Machine, topic: str, socket: bool = True) -> tuple[Page, Front]:
    """The page with a port that is free, and a folder for its socket."""
    port = free_port()
    paths = ("/run/app",) if socket else ()
    machine.at("/run/app").mkdir(parents=True)
    return machine.install(topic, paths, {"8000": str(port)}), Front(port)


def check_served(machine: Machine, page: Page, front: Front) -> None:
    """Each tricorn command serves; a command that translates writes the next one's file."""
    for command in page.commands:
        if not command.startswith("tricorn"):
            continue
        if command.startswith("tricorn translate"):
            machine.at("tricorn.toml").unlink(missing_ok=True)
            machine.run(command)
            continue
        server = machine.serve(command)
        if "wsgi" in command:
            check_fine(RawClient(("127.0.0.1", front.port)))
        elif server.banners()[0]["path"]:
            check_fine(RawClient(server.path))
        else:
            check_request(front)
            check_websocket(front)
        check_other_sockets(server)
        assert server.stop() == 0


def check_other_sockets(server: Server) -> None:
    paths = re.findall(r"running on unix socket (\S+)", server.output())
    for path in paths:
        check_fine(RawClient(path))


def check_fine(client: RawClient) -> None:
    with client:
        assert client.get("/fine").body == b"fine"
