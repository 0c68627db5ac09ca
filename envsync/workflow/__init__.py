"""One page for each operation: what envsync does, step by step."""
