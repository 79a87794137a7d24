"""What follows when accept(2) fails: a line in the log, and perhaps a pause."""

from __future__ import annotations

import errno
from typing import Final

from tricorn.product import product_logger

logger = product_logger("error")

# Out of descriptors or memory: accept(2) would fail again at once.
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RETRY: Final = 1.0


def report_accept_error(error: OSError) -> float:
    """Log it; return for how many seconds to accept nothing more, which may be none."""
    if error.errno not in _EXHAUSTED:
        logger.error("Accepting a connection failed: %s", error)
        return 0.0
    logger.error("Accepting a connection failed: %s; trying again in %g s", error, _RETRY)
    return _RETRY
