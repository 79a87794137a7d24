"""`python -m tricorn`."""

from tricorn.cli import main

main()
