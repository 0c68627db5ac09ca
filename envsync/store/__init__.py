"""The content-addressed store of unpacked wheels."""
