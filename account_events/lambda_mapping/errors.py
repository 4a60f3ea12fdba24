"""What can be wrong with a mapping.

MappingError
└── UnsupportedMapping   the deployed configuration asks for something we cannot stand in for: change it
"""


class MappingError(Exception):
    """Any refusal of the stand-in."""


class UnsupportedMapping(MappingError):
    """The mapping's configuration is invalid, or outside what the stand-in covers; the message names the setting."""
