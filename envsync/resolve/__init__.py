"""Choosing versions for every environment at once."""
