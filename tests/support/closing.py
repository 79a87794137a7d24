"""What is closed at the end of a `with` block."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Self, TypeVar


class Closing:
    def close(self) -> None:
        """Gives back what it holds; a second time, nothing."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


C = TypeVar("C", bound=Closing)


@contextmanager
def all_closed(opened: Iterable[C]) -> Iterator[list[C]]:
    """Opens them, and closes them at the end: those too that came before one that failed."""
    with ExitStack() as stack:
        found = []
        for one in opened:
            stack.callback(one.close)
            found.append(one)
        yield found
