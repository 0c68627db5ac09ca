"""The options that choose extras and groups."""

import argparse

from envsync.project.paths import Project
from envsync.project.request import Selection


def add_choice_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options that choose extras and groups."""
    what = parser.add_argument_group("what is installed beside the dependencies")
    for name, text in (
        ("--group", "this dependency group too"),
        ("--no-group", "not this group, whatever else says so"),
        ("--extra", "this extra too"),
        ("--no-extra", "not this extra"),
    ):
        what.add_argument(name, action="append", default=[], metavar="NAME", help=text)
    what.add_argument("--all-groups", action="store_true", help="every dependency group")
    what.add_argument("--no-default-groups", action="store_true", help="no default groups")
    what.add_argument("--all-extras", action="store_true", help="every extra")
    what.add_argument("--dev", action="store_true", help="the group dev too")
    what.add_argument("--no-dev", action="store_true", help="not the group dev")
    which = parser.add_argument_group("in a workspace").add_mutually_exclusive_group()
    which.add_argument(
        "--package",
        action="append",
        default=[],
        metavar="NAME",
        help="what this member needs; default: the member of this folder, else the root",
    )
    which.add_argument("--all-packages", action="store_true", help="what all members need")


def selection_of(options: argparse.Namespace, project: Project) -> Selection:
    """Read the options that choose extras and groups of a project."""
    return Selection(
        groups=(*options.group, *(["dev"] if options.dev else [])),
        no_groups=(*options.no_group, *(["dev"] if options.no_dev else [])),
        all_groups=options.all_groups,
        default_groups=not options.no_default_groups,
        extras=tuple(options.extra),
        no_extras=tuple(options.no_extra),
        all_extras=options.all_extras,
        packages=tuple(options.package),
        all_packages=options.all_packages,
        member="" if options.package or options.all_packages else project.member,
    )
