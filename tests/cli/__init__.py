"""Tests of envsync.cli, in this process."""
