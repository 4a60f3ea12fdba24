"""The error that ends a command with a message for its user."""


class CommandError(Exception):
    """A command cannot continue. It prints the message, which states what is wrong and what to do, and exits."""
