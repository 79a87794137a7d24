"""What settings raise."""

from __future__ import annotations

from collections.abc import Mapping


class ConfigError(ValueError):
    """A setting that can't be used.

    The message is one line: the option, where the value came from, the value and
    what is accepted. The command line prints it and exits with 2.
    """


class OptionError(ConfigError):
    """One found where nobody knows any more where the values came from.

    The message is `options`, by their names in Python, and what is wrong with them.
    """

    def __init__(self, *options: str, wrong: str) -> None:
        super().__init__(" and ".join(options) + wrong)
        self.options = options
        self.wrong = wrong

    def at(self, places: Mapping[str, str]) -> ConfigError:
        """The same, naming the place that each option's value came from."""
        return ConfigError(" and ".join(places[name] for name in self.options) + self.wrong)
