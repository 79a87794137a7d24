"""What `litestar run` serves."""

from litestar import Litestar, get


@get("/")
async def root() -> dict[str, str]:
    return {"served": "by the shim"}


app = Litestar([root])
