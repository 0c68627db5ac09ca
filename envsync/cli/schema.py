"""The command `schema`: JSON Schemas of env.toml, pylock.toml and what `--json` prints."""

import argparse
import json

from envsync.cli.main import Session
from envsync.errors import UsageError
from envsync.operations.schemas import FILES, all_documents, document_schema, file_schema

_OUTPUT = "output"


def add_arguments(command: str, parser: argparse.ArgumentParser) -> None:  # noqa: ARG001
    """Declare the arguments of `schema`."""
    parser.add_argument(
        "what",
        choices=(*FILES, _OUTPUT),
        metavar="WHAT",
        help="env.toml (for editors), pylock (PEP 751), or output: what --json prints",
    )
    parser.add_argument(
        "topic",
        nargs="*",
        default=[],
        metavar="COMMAND",
        help="with output: of this command alone, or error",
    )


def run(command: str, options: argparse.Namespace, session: Session) -> int:  # noqa: ARG001
    """Print a schema; it is JSON with and without `--json`."""
    if options.topic and options.what != _OUTPUT:
        raise UsageError(
            f"{options.what} has no part {' '.join(options.topic)}",
            hint=f"`envsync schema {options.what}`",
        )
    if options.what != _OUTPUT:
        session.ui.data(file_schema(options.what))
    elif options.topic:
        session.ui.data(document_schema(tuple(options.topic)))
    else:
        session.ui.data(json.dumps(all_documents(), indent=2))
    return 0
