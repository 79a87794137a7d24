"""What is closed at the end of a `with` block."""

from typing import Self


class Closing:
    def close(self) -> None:
        """Gives back what it holds; a second time, nothing."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
