"""Find the AI in a folder: libraries, services, models, MCP servers.

Exit codes: 0 the folder was read, whatever it holds: assets are not weaknesses; 1 it was read and something in it is a
finding; 2 the command could not do its job. What was not examined is always listed.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from bartizan.cli._findings import add_output_arguments, run_job, show
from bartizan.errors import EXIT_CLEAN, EXIT_FOUND
from bartizan.jobs import discover


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan discover`."""
    add_output_arguments(parser)


def run(arguments: Namespace) -> int:
    """Discovers and shows."""
    harvest = run_job(
        arguments,
        lambda config, ledger, progress: discover.run(
            arguments.path, config.discover, ledger=ledger, progress=progress
        ),
    )
    show(arguments, harvest)
    return EXIT_FOUND if harvest.findings else EXIT_CLEAN
