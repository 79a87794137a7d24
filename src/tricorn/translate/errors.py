"""The one error of translating."""


class Untranslatable(ValueError):
    """The command can't be read. The message is one line, which says what to do."""
