"""From an HTTP/2 request's field list to its facts (RFC 9113 §8.3).

What HTTP/1.1 would refuse is refused here by the same grammar, so that an app may pass on
what it gets. The engine has checked by then that names are tokens in lower case, that values
have no control characters, and that no field is about the connection (§8.2); a test holds
it to that.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote_to_bytes

from tricorn.wire.errors import Refusal
from tricorn.wire.fields import SPECIAL_FIELDS, Fields, tokens
from tricorn.wire.h1 import METHOD_LIMIT, HeadLimits
from tricorn.wire.h2_message import FieldList
from tricorn.wire.scan import are_same_fields, find_byte, is_target, method_of
from tricorn.wire.target import host_is_valid

_COLON: Final = 58
_DIGITS: Final = b"0123456789"
_TOO_LARGE: Final = 1 << 63
_SCHEMES: Final = frozenset({b"http", b"https"})
# Fields that need a look; the others go to the app as they are.
_WATCHED: Final = frozenset({*SPECIAL_FIELDS, b"cookie"})


class RequestHead:
    """The facts of the request that was read last; the names are `RequestReader`'s.

    `scheme` is what the client says, `protocol` that of an extended CONNECT (RFC 8441) or
    empty. `content_length` is -1 where the client didn't say.
    """

    def __init__(self, limits: HeadLimits, body_limit: int = 0) -> None:
        self.limits = limits
        self.line_limit = limits.request_line
        self.section_limit = limits.field_section
        self.field_limit = limits.fields
        self.body_limit = body_limit
        self.method = ""
        self.target = b""
        self.raw_path = b""
        self.path = ""
        self.query = b""
        self.scheme = b""
        self.authority = b""
        self.protocol = b""
        self.fields: Fields = []
        self.content_length = -1
        self.expect_continue = False
        self.te_trailers = False
        self.forwarded = False
        self.last_authority = b""
        # The last field list that was taken, and what is to be known to take it again.
        self.last: FieldList | None = None
        self.last_ended = False
        self.kept: Fields = []  # `fields`, which an app may have changed
        self.same_line = False  # method and target are those of the request before
        # Of the request being read.
        self.host: bytes | None = None
        self.length: bytes | None = None
        self.cookies: list[bytes] = []
        self.path_at = -1

    def read(self, fields: FieldList, ended: bool) -> None:
        """Take a field list; `ended`: no content follows. Raises `Refusal`.

        One that is the last one again, but for the path, keeps its facts.
        """
        if self._is_last(fields, ended):
            self._take_again(fields[self.path_at][1])
            return
        self.last = None  # until this one is taken
        self.same_line = False
        method, path = self._split(fields)
        self.method = method_of(method)
        if len(method) > METHOD_LIMIT:
            raise Refusal(501, f"method longer than {METHOD_LIMIT} bytes")
        self._check_line(len(method), path)
        self._take_target(path)
        self._take_host()
        self._take_content_length(ended)
        self.kept = self.fields[:]
        self.last_ended = ended
        self.last = fields

    def _is_last(self, fields: FieldList, ended: bool) -> bool:
        """Whether fields are the last ones again, but for the path's value."""
        if self.last is None or ended != self.last_ended:
            return False
        return are_same_fields(fields, self.last, self.path_at)

    def _take_again(self, path: bytes) -> None:
        self.fields = self.kept[:]
        if path == self.target:
            self.same_line = True
            return
        self.same_line = False
        self._check_line(len(self.method), path)
        self._take_target(path)

    def _check_line(self, method_size: int, path: bytes) -> None:
        if method_size + len(path) + 1 > self.line_limit:
            raise Refusal(414, f"request line longer than {self.line_limit} bytes")

    def _split(self, fields: FieldList) -> tuple[bytes, bytes]:
        """Part pseudo-fields from fields, and note what the server acts on."""
        self._forget()
        method = path = b""
        size = 0
        self.path_at = -1
        kept = self.fields
        for at, pair in enumerate(fields):
            name, value = pair
            if name[0] == _COLON:
                if name == b":method":
                    method = value
                elif name == b":path":
                    path = value
                    self.path_at = at
                elif name == b":scheme":
                    self.scheme = value
                elif name == b":authority":
                    self.authority = value
                elif name == b":protocol":
                    self.protocol = value
                continue
            size += len(name) + len(value) + 4
            if name in _WATCHED:
                self._note(name, value)
                if name == b"cookie" or name == b"host":
                    continue
            kept.append(pair)
        if self.cookies:
            # RFC 9113 §8.2.3: clients may cut them into pieces.
            kept.append((b"cookie", b"; ".join(self.cookies)))
        if size > self.section_limit:
            raise Refusal(431, f"field section longer than {self.section_limit} bytes")
        if len(kept) > self.field_limit:
            raise Refusal(431, f"more than {self.field_limit} fields")
        return method, path

    def _forget(self) -> None:
        self.scheme = self.authority = self.protocol = b""
        self.host = self.length = None
        self.fields = []
        if self.cookies:
            self.cookies = []
        self.expect_continue = False
        self.te_trailers = False
        self.forwarded = False

    def _note(self, name: bytes, value: bytes) -> None:
        if name == b"cookie":
            self.cookies.append(value)
        elif name == b"host":
            if self.host is not None:
                raise Refusal(400, "more than one Host field")
            self.host = value
        elif name == b"content-length":
            if self.length is not None:
                raise Refusal(400, "more than one Content-Length field")
            self.length = value
        elif name == b"expect":
            self.expect_continue = value.lower() == b"100-continue"
        elif name == b"te":
            self.te_trailers = b"trailers" in tokens(value)
        else:
            self.forwarded = True

    def _take_target(self, path: bytes) -> None:
        if self.method == "CONNECT" and not self.protocol:
            raise Refusal(501, "CONNECT is not offered")
        if self.scheme not in _SCHEMES:
            raise Refusal(400, "the scheme must be http or https")
        if path and path == self.target:
            # As in the request before. It may be the * of an OPTIONS.
            if path[0] == 47 or self.method == "OPTIONS":
                return
        if not is_target(path):
            raise Refusal(400, "request target has a character that is not allowed")
        if path[0] != 47 and (path != b"*" or self.method != "OPTIONS"):
            raise Refusal(400, "request target must start with a slash")
        self.target = path
        question = find_byte(path, 63)  # "?"
        if question < 0:
            self.raw_path = path
            self.query = b""
        else:
            self.raw_path = path[:question]
            self.query = path[question + 1 :]
        if find_byte(self.raw_path, 37) >= 0:  # "%"
            self.path = unquote_to_bytes(self.raw_path).decode("utf-8", "replace")
        else:
            self.path = self.raw_path.decode("ascii")

    def _take_host(self) -> None:
        """Have one Host field, the first one, with the authority (ASGI HTTP 2.5)."""
        host = self.host
        authority = self.authority
        if not authority:
            if host is None:
                raise Refusal(400, "no authority and no Host field")
            authority = host
        elif host is not None and host.lower() != authority.lower():
            raise Refusal(400, "the Host field and the authority differ")
        if authority != self.last_authority or not authority:
            if not authority or not host_is_valid(authority):
                raise Refusal(400, "malformed authority")
            self.last_authority = authority
        self.fields.insert(0, (b"host", authority))

    def _take_content_length(self, ended: bool) -> None:
        value = self.length
        if value is None:
            self.content_length = 0 if ended else -1
            if ended:
                self.expect_continue = False
            return
        if not value or len(value) > 19 or value.strip(_DIGITS) or int(value) >= _TOO_LARGE:
            raise Refusal(400, "malformed Content-Length")
        length = int(value)
        if ended:
            self.expect_continue = False
        if self.body_limit and length > self.body_limit:
            raise Refusal(413, f"content longer than {self.body_limit} bytes")
        self.content_length = length
