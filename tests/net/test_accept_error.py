"""What is said, and how long is waited, when accept(2) fails."""

import errno
import os

import pytest

from tricorn.net.accept_error import report_accept_error


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_exhaustion_is_waited_out(number: int, caplog: pytest.LogCaptureFixture) -> None:
    assert report_accept_error(OSError(number, os.strerror(number))) == 1.0
    (line,) = caplog.messages
    assert os.strerror(number) in line
    assert line.endswith("; trying again in 1 s")


def test_another_error_is_told_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    assert report_accept_error(OSError(errno.EPERM, os.strerror(errno.EPERM))) == 0
    assert caplog.messages == [
        f"Accepting a connection failed: [Errno {errno.EPERM}] {os.strerror(errno.EPERM)}"
    ]
