"""Asking package indexes: HTTP, caching, simple pages, artifacts."""
