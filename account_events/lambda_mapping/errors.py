"""The errors of a mapping.

MappingError
└── UnsupportedMapping   a setting is invalid at AWS or not modelled here: change it
"""


class MappingError(Exception):
    """Base class of this package's errors."""


class UnsupportedMapping(MappingError):
    """A setting is invalid at AWS or not modelled here. The message names the setting: change it."""
