"""envsync: project environments that match their lock exactly."""

__version__ = "0.1.0"
