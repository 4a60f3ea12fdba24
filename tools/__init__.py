"""Generators of documentation and of parts of the template. Nothing imports them."""
