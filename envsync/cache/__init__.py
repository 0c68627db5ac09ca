"""The cache folder: its buckets, checksummed values, and private folders for work in progress."""
