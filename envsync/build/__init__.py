"""Turning source trees into wheels."""
