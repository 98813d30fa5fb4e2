"""The command line: one file a command; the only place that prints and exits.

Owns: arguments, terminal output, exit codes (0 clean, 1 found, 2 broken).
Does not own: logic; a command calls a job or an engine and shows what came back.
To add one: a file here with a docstring (first line is the help), `add_arguments(parser)` and `run(arguments) -> int`.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path

from bartizan.errors import EXIT_BROKEN, BartizanError

_INTERRUPTED = 130


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    Only the chosen command's file is imported, which keeps `--help` and the gateway's start small.
    """
    words = sys.argv[1:] if argv is None else argv
    summaries = _summaries()
    if not words or words[0] in {"-h", "--help"}:
        _overview(summaries)
        return 0
    if words[0] in {"-V", "--version"}:
        from bartizan import __version__

        print(__version__)
        return 0
    if words[0] not in summaries:
        return _unknown(words[0], summaries)
    command = importlib.import_module(f"bartizan.cli.{words[0]}")
    parser = ArgumentParser(
        prog=f"bartizan {words[0]}", description=command.__doc__, formatter_class=RawDescriptionHelpFormatter
    )
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration file (default: bartizan.toml)")
    command.add_arguments(parser)
    # Intermixed, so that an optional word may stand after options as well as before them.
    arguments = parser.parse_intermixed_args(words[1:])
    try:
        return int(command.run(arguments))
    except BartizanError as error:
        print(f"bartizan {words[0]}: {error.explain()}", file=sys.stderr)
        return EXIT_BROKEN
    except UnicodeEncodeError as error:
        # File names may hold any bytes, what must be text may not; and not every terminal takes every text.
        typed = error.encoding == "utf-8"
        what = "an argument is not UTF-8" if typed else f"the output cannot be written in {error.encoding}"
        hint = "check what was typed or pasted" if typed else "set PYTHONUTF8=1"
        print(f"bartizan {words[0]}: {what}\n  hint: {hint}", file=sys.stderr)
        return EXIT_BROKEN
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_BROKEN
    except OSError as error:
        # What a command reads and writes itself has errors of its own; left are the output and the machine.
        print(f"bartizan {words[0]}: {error}\n  hint: check free space and where the output goes", file=sys.stderr)
        return EXIT_BROKEN


def _summaries() -> dict[str, str]:
    """Returns each command's name and one-line help, read from the head of its file without importing it."""
    names = (info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_"))
    return {name: _first_line(Path(__path__[0]) / f"{name}.py") for name in sorted(names)}


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8") as lines:
        return lines.readline().strip().strip('"').rstrip(".")


def _overview(summaries: dict[str, str]) -> None:
    print("usage: bartizan COMMAND [...]\n\nSecurity for AI systems over their whole life.\n\ncommands:")
    width = max(map(len, summaries), default=0)
    for name, summary in summaries.items():
        print(f"  {name:<{width}}  {summary}")
    print("\nStart with `bartizan up`. `bartizan COMMAND --help` explains a command.")


def _unknown(name: str, summaries: dict[str, str]) -> int:
    from bartizan.registry import nearest

    print(f"bartizan: there is no command {name!r}\n  hint: {nearest(name, summaries)}", file=sys.stderr)
    return EXIT_BROKEN
