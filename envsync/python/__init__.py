"""Interpreters: found, judged, asked once."""
