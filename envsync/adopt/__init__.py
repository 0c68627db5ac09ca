"""What other tools' files declare, read into plain values and into the text of an env.toml."""
