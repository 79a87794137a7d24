"""The one error that settings raise."""


class ConfigError(ValueError):
    """A setting that can't be used.

    The message is one line: the option, where the value came from, the value and
    what is accepted. The command line prints it and exits with 2.
    """
