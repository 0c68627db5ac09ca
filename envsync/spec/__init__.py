"""Reading and editing env.toml."""
