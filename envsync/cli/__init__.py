"""Commands: arguments in, one workflow call, one report out."""
