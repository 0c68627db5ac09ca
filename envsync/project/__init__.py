"""A project's own files: where they are, what they say, and what counts as their change."""
