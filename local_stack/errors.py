"""The error that ends a command."""


class CommandError(Exception):
    """A command cannot go on. Its message is the one line that the command ends with: what is wrong, and what to do."""
