"""Who the process is: user, group, umask. Changed once the sockets are bound."""

from __future__ import annotations

import os
from typing import NamedTuple

from tricorn.settings.errors import OptionError


class Identity(NamedTuple):
    """What the process is to become; None leaves a part as it is."""

    user: str | None = None  # its name, where it has one: it decides about further groups
    uid: int | None = None
    gid: int | None = None
    umask: int | None = None

    def take(self) -> None:
        """Become it: files and sockets opened before stay open.

        Raises `ConfigError` where the system doesn't let this process.
        """
        if self.umask is not None:
            os.umask(self.umask)
        try:
            self._take_groups()
            if self.uid is not None and self.uid != os.geteuid():
                os.setuid(self.uid)
        except PermissionError:
            raise OptionError(
                "user",
                "group",
                wrong=f": only root can become {self.user or self.uid or self.gid}; "
                "start as root, or leave --user and --group out",
            ) from None

    def _take_groups(self) -> None:
        gid = self.gid
        if gid is None or (os.geteuid() == self.uid and os.getegid() == gid):
            return
        if self.user is not None:
            os.initgroups(self.user, gid)
        elif os.geteuid() == 0:
            os.setgroups([gid])
        os.setgid(gid)


def find_identity(user: str | None, group: str | None, umask: int | None) -> Identity:
    """Look names or numbers up. A user without a group brings its own.

    Raises `ConfigError` for a name that the system doesn't know.
    """
    if user is None and group is None:
        return Identity(umask=umask)
    if os.name != "posix":
        raise OptionError("user", "group", wrong=": need Linux or macOS; leave them out")
    name, uid, gid = (None, None, None) if user is None else _user(user)
    if group is not None:
        gid = _group(group)
    return Identity(name, uid, gid, umask)


def _user(user: str) -> tuple[str | None, int, int]:
    import pwd

    try:
        entry = pwd.getpwuid(int(user)) if user.isdecimal() else pwd.getpwnam(user)
    except KeyError:
        if user.isdecimal():
            # Containers run as numbers that no file knows.
            return None, int(user), int(user)
        raise OptionError("user", wrong=f": there is no user {user!r}") from None
    return entry.pw_name, entry.pw_uid, entry.pw_gid


def _group(group: str) -> int:
    import grp

    if group.isdecimal():
        return int(group)
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        raise OptionError("group", wrong=f": there is no group {group!r}") from None
