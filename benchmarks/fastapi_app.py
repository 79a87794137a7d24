"""A FastAPI app with one route, which answers with JSON."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def greeting() -> dict[str, str]:
    """Answer with one small object."""
    return {"message": "Hello, world!"}
