"""``python -m tricorn``: the same as the ``tricorn`` command."""

from tricorn.cli import main

if __name__ == "__main__":
    main()
