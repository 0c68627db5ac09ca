"""Describing virtual environments, and running commands in them."""
