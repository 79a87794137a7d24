from hashlib import sha256

import pytest

from tests.demo.caller import call, http_scope
from tricorn.demo import Demo


@pytest.mark.parametrize("sizes", [[], [0], [1], [100, 65536, 0, 7]])
def test_report(sizes: list[int]) -> None:
    pieces = [bytes([index]) * size for index, size in enumerate(sizes)]
    report = call(Demo(), http_scope("POST", "/upload"), *pieces).json()
    assert report["bytes"] == sum(sizes)
    assert report["sha256"] == sha256(b"".join(pieces)).hexdigest()
    assert report["pieces"] == len([size for size in sizes if size])
    assert report["largest_piece"] == max(sizes, default=0)


def test_rate_is_size_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 102.5])
    monkeypatch.setattr("tricorn.demo.upload.perf_counter", lambda: next(times))
    report = call(Demo(), http_scope("POST", "/upload"), b"x" * 1000).json()
    assert report["seconds"] == 2.5
    assert report["bytes_per_second"] == 400
