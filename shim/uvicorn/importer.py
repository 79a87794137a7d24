"""Import strings."""

from tricorn.compat.uvicorn_names import import_from_string
from tricorn.serve.importer import ImportFromStringError

__all__ = ["ImportFromStringError", "import_from_string"]
