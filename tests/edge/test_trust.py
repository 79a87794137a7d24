"""Which peers are trusted."""

import pytest

from tricorn.edge.trust import CACHED_PEERS, TrustedPeers


@pytest.mark.parametrize(
    ("listed", "peer"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1,::1", "::1"),
        (" 10.0.0.1 , ::1 ", "10.0.0.1"),
        ("::1", "0:0:0:0:0:0:0:1"),
        ("2001:DB8::7", "2001:db8::7"),
        ("127.0.0.1", "::ffff:127.0.0.1"),
        ("::ffff:127.0.0.1", "127.0.0.1"),
        ("10.0.0.0/8", "10.255.0.1"),
        ("10.0.0.0/8", "::ffff:10.1.2.3"),
        ("::ffff:10.0.0.0/104", "10.1.2.3"),
        ("::ffff:0:0/96", "192.0.2.1"),
        ("2001:db8::/32", "2001:db8:1::"),
        ("0.0.0.0/0", "203.0.113.9"),
        ("testclient", "testclient"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("fe80::/10", "fe80::1%eth0"),
        ("*", "203.0.113.9"),
        ("*", "whoever"),
        ("*", None),
        ("unix", None),
        ("127.0.0.1,unix", None),
        ("/run/app.sock", None),
        ("unix:/run/app.sock", None),
    ],
)
@pytest.mark.parametrize("form", [str, lambda listed: listed.split(",")])
def test_trusted(listed: str, peer: str | None, form: type) -> None:
    trusted = TrustedPeers(form(listed))
    assert trusted.trusts(peer)
    assert trusted.trusts(peer)  # from what is remembered


@pytest.mark.parametrize(
    ("listed", "peer"),
    [
        ("", "127.0.0.1"),
        ("", ""),
        ("", None),
        (",", ""),
        ("127.0.0.1,::1", None),
        ("127.0.0.1", "127.0.0.2"),
        ("127.0.0.1", "127.0.0.1 "),
        ("127.0.0.1", "::127.0.0.1"),  # IPv4-compatible, which is something else
        ("10.0.0.0/8", "11.0.0.0"),
        ("::ffff:10.0.0.0/104", "11.0.0.1"),
        ("2001:db8::/32", "2001:db9::1"),
        ("unix", "unix"),
        ("unix:", "unix:"),
        ("/run/app.sock", "/run/app.sock"),
        ("0.0.0.0/0", "example.com"),
    ],
)
def test_not_trusted(listed: str, peer: str | None) -> None:
    trusted = TrustedPeers(listed)
    assert not trusted.trusts(peer)
    assert not trusted.trusts(peer)


@pytest.mark.parametrize(
    ("listed", "line"),
    [
        ("127.0.0.1,*", "'*' trusts everybody, so it must stand alone"),
        ("10.0.0.1/8", "'10.0.0.1/8' is not a network: 10.0.0.1/8 has host bits set"),
        ("10.0.0.0/33", "'10.0.0.0/33' is not a network: "),
        ("example.com/8", "'example.com/8' is not a network: "),
    ],
)
def test_a_bad_list_is_one_line(listed: str, line: str) -> None:
    with pytest.raises(ValueError) as caught:
        TrustedPeers(listed)
    assert str(caught.value).startswith(f"trusted peers: {line}")
    assert str(caught.value).isprintable()


def test_more_peers_than_are_remembered() -> None:
    trusted = TrustedPeers("10.0.0.0/8")
    for _ in range(2):
        for number in range(CACHED_PEERS + 10):
            assert trusted.trusts(f"10.0.{number >> 8}.{number & 255}")
            assert not trusted.trusts(f"11.0.{number >> 8}.{number & 255}")
    assert len(trusted._known) <= CACHED_PEERS
    assert not trusted.trusts("x" * 10_000)
    assert "x" * 10_000 not in trusted._known
