"""The cache folder: private folders for work in progress."""
