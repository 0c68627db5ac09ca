"""Commands: arguments in, one operation, one report out."""
