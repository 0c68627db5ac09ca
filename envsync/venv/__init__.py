"""Making and scanning virtual environments."""
