"""Why a command does not write to a table."""


class RestoreRefused(Exception):
    """The command would write to the wrong table, or while others write. The message names what to do first."""
