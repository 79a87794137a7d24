"""Bytes to meaning and back, without I/O: field grammar, HTTP/1.1."""
