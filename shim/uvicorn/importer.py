"""Import strings."""

from tricorn.serve.importer import ImportFromStringError, import_from_string

__all__ = ["ImportFromStringError", "import_from_string"]
