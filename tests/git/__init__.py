"""Tests of `envsync.git`, against real repositories."""
