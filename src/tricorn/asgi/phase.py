"""How far the response of an exchange is, which says what may be sent next.

```
             http.response.start          first body            last body
EXPECT_START ───────────────────► HELD ─────────────► BODY ──────────────► COMPLETE
                                    │                  │ trailers promised     ▲
                                    │                  └──────► TRAILERS ──────┤
                                    └── first body is the last ────────────────┘
```

The head is held until the first body message, so that both leave in one write. A file
is sent in FILE, in place of BODY.
"""

from __future__ import annotations

from typing import Final

EXPECT_START: Final = 0
HELD: Final = 1
BODY: Final = 2
TRAILERS: Final = 3
COMPLETE: Final = 4
FILE: Final = 5  # on its way: what else is sent now would end up within it


def out_of_order(phase: int, kind: str) -> RuntimeError:
    """Say why a message can't be sent in this phase."""
    if phase == EXPECT_START:
        return RuntimeError(f"the app sent {kind!r} before 'http.response.start'")
    if phase == COMPLETE:
        return RuntimeError(f"the app sent {kind!r} after the response was complete")
    if phase == FILE:
        return RuntimeError(f"the app sent {kind!r} while a file was on its way")
    return RuntimeError(f"the app sent {kind!r} where trailers were promised")
