"""What differs by operating system: files, locks, durable writes, processes, signals."""
