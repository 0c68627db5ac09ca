"""An environment on disk: what was placed, how it differs, and changes that happen whole."""
