"""Mutation testing: small changes to the code that some test must notice.

`python -m tests.mutants environment resolve` judges a sample of both folders; see `--help`.
"""
