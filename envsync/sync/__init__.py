"""Bringing an environment to what the lock asks for."""
