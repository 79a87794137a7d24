"""Types of ASGI and WSGI messages."""

from tricorn.compat.asgi_types import *  # noqa: F403
from tricorn.compat.asgi_types import __all__ as __all__
