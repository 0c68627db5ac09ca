"""Where wheels come from: indexes, files and builds, and the environments that builds need."""
