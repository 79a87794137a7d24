"""Worker processes under load while everything happens to them; `python -m tests.chaos`."""
