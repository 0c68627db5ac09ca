"""What `cli` calls: one operation a command, read from top to bottom."""
