"""One target under atheris: `python -m tests.fuzz.run TARGET [libFuzzer options] FOLDER…`."""

from __future__ import annotations

import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["tricorn"]):
    import tricorn.wire.h1
    import tricorn.wire.h1_response
    import tricorn.wire.h2
    import tricorn.wire.h2_fields
    import tricorn.wire.h2_frames
    import tricorn.wire.hpack_decoder
    import tricorn.wire.hpack_encoder
    import tricorn.wire.hpack_huffman
    import tricorn.wire.hpack_table
    import tricorn.wire.scan
    import tricorn.wire.target
    import tricorn.wire.ws
    import tricorn.wire.ws_handshake  # noqa: F401 - named here so that they are instrumented

from tests.fuzz.targets import TARGETS


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup([sys.argv[0], *sys.argv[2:]], telling(TARGETS[sys.argv[1]]))
    atheris.Fuzz()


def telling(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target, which prints the input that breaks it.

    libFuzzer writes it to a file only where the compiler's sanitizers are loaded too.
    """

    def told(data: bytes) -> None:
        try:
            target(data)
        except BaseException:
            print(f"fuzz: {sys.argv[1]} breaks on {data!r}", flush=True)
            raise

    return told


if __name__ == "__main__":
    main()
