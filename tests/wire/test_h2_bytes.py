"""HTTP/2's shortest frames, by both versions."""

from types import ModuleType

import pytest

from tests.support import h2_frames
from tests.support.speeds import versions
from tricorn.wire import h2_bytes as imported

LARGEST = (1 << 31) - 1
VERSIONS = versions(imported)


@pytest.fixture(params=list(VERSIONS.values()), ids=list(VERSIONS))
def h2_bytes(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


@pytest.mark.parametrize("stream", [0, 1, 0x01020304, LARGEST])
@pytest.mark.parametrize("length", [0, 1, 255, 256, 16384, (1 << 24) - 1])
@pytest.mark.parametrize(("kind", "flags"), [(0, 1), (1, 4), (255, 255)])
def test_head(h2_bytes: ModuleType, stream: int, length: int, kind: int, flags: int) -> None:
    expected = h2_frames.raw_frame(length, kind, flags, stream, b"")
    assert h2_bytes.frame_head(length, kind, flags, stream) == expected


@pytest.mark.parametrize("number", [0, 1, 0x01020304, LARGEST, (1 << 32) - 1])
def test_number(h2_bytes: ModuleType, number: int) -> None:
    expected = h2_frames.frame(3, 0, 5, number.to_bytes(4, "big"))
    assert h2_bytes.number_frame(3, 5, number) == expected
