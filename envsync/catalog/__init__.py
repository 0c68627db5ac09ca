"""Answering the resolver's questions from indexes, direct sources and builds."""
