"""Writing, reading, comparing pylock.toml, and selecting from it."""
