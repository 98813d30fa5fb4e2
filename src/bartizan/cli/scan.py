"""Read model files for code that would run on load, without running it.

Exit codes: 0 nothing found; 1 a finding at or above --fail-on; 2 the command could not do its job, which is also so
where one file was named and could not be examined.
What was not examined is always listed, and with --strict it is exit code 1: not examined is not clean.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from bartizan.cli._findings import add_output_arguments, run_job, show
from bartizan.core.severity import Severity
from bartizan.errors import EXIT_BROKEN, EXIT_CLEAN, EXIT_FOUND
from bartizan.jobs import scan


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan scan`."""
    add_output_arguments(parser)
    parser.add_argument(
        "--fail-on",
        choices=[step.value for step in Severity],
        default=Severity.LOW.value,
        help="the mildest severity that makes exit code 1 (default: low)",
    )
    parser.add_argument("--strict", action="store_true", help="exit code 1 where anything was not examined")


def run(arguments: Namespace) -> int:
    """Scans, shows, and says by the exit code whether anything was found."""
    harvest = run_job(
        arguments,
        lambda config, ledger, progress: scan.run(arguments.path, config.scan, ledger=ledger, progress=progress),
    )
    show(arguments, harvest)
    threshold = Severity(arguments.fail_on).rank
    found = any(finding.severity.rank >= threshold for finding in harvest.findings)
    unexamined = arguments.strict and harvest.skipped > 0
    if found or unexamined:
        return EXIT_FOUND
    idle = harvest.skipped > 0 and not harvest.assets and not arguments.path.is_dir()
    return EXIT_BROKEN if idle else EXIT_CLEAN
