"""Who a connection's peer is, as the scope says it."""

from __future__ import annotations

import pytest

from tricorn.net.scope import peer_address


@pytest.mark.parametrize(
    ("name", "address"),
    [
        (("127.0.0.1", 5), ("127.0.0.1", 5)),
        (("::1", 5, 0, 0), ("::1", 5)),
        (("::ffff:192.0.2.1", 5, 0, 0), ("192.0.2.1", 5)),
        (("::ffff:0:1", 5, 0, 0), ("::ffff:0:1", 5)),
        ("", None),
        (None, None),
    ],
)
def test_peer_address(name: object, address: tuple[str, int] | None) -> None:
    assert peer_address(name) == address
