"""Writes missing and failed events to the lake."""
