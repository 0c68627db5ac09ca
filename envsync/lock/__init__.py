"""Writing, reading and viewing pylock.toml."""
