"""One target under atheris: `python -m tests.fuzz.run TARGET [libFuzzer options] FOLDER…`."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["tricorn"]):
    import tricorn.wire.h1
    import tricorn.wire.h1_response
    import tricorn.wire.scan
    import tricorn.wire.target
    import tricorn.wire.ws
    import tricorn.wire.ws_handshake  # noqa: F401 - named here so that they are instrumented

from tests.fuzz.targets import TARGETS


def main() -> None:
    """Hand over to libFuzzer, which does not return."""
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
