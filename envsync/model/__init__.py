"""Plain values and marker sets: what the rest of envsync talks about."""
