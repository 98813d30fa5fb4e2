"""Verify, checkpoint, show or rebuild the ledger.

  bartizan ledger verify        says whether anything was changed, and whether anything is missing
  bartizan ledger checkpoint    prints a signed checkpoint, to be kept where nobody who can change the ledger can reach
  bartizan ledger show ID       prints the current version of a record of any kind
  bartizan ledger rebuild       makes current state anew from the records

Exit codes: 0 clean, 1 tampering or loss was found, 2 the command could not do its job.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

import msgspec

from bartizan.config import load
from bartizan.core.record import kinds
from bartizan.errors import EXIT_CLEAN, EXIT_FOUND, ConfigError, InputError, StoreError
from bartizan.store.checkpoint import Checkpoint
from bartizan.store.ledger import Ledger, rebuild
from bartizan.store.verify import Answer, Verification, verify

_MAX_FILE = 20_000


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan ledger`."""
    parser.add_argument("what", choices=["verify", "checkpoint", "show", "rebuild"])
    parser.add_argument("id", nargs="?", metavar="ID", help="the record to show")
    parser.add_argument("--state", metavar="DIR", help="the state folder (default: from the configuration)")
    parser.add_argument("--checkpoint", type=Path, metavar="FILE", help="verify: a checkpoint that was kept elsewhere")
    parser.add_argument(
        "--public-key", type=Path, metavar="FILE", help="verify: the public key that was kept elsewhere"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: Namespace) -> int:
    """Verifies, checkpoints, shows or rebuilds."""
    loaded = load(arguments.config, flags={"state": arguments.state})
    folder, store = Path(loaded.config.state), loaded.config.store
    if arguments.what == "verify":
        return _verify(folder, arguments)
    if arguments.what == "rebuild":
        rebuild(folder, store)
        _say(arguments, {"rebuilt": str(folder)}, "current state was made anew from the records")
        return EXIT_CLEAN
    with Ledger.open(folder, store, create=False) as ledger:
        if arguments.what == "checkpoint":
            note = ledger.checkpoint().note()
            _say(arguments, {"checkpoint": note}, note.rstrip("\n"))
            return EXIT_CLEAN
        return _show(ledger, arguments.id)


def _verify(folder: Path, arguments: Namespace) -> int:
    witnessed = (
        Checkpoint.parse(_read(arguments.checkpoint).decode("utf-8", "replace")) if arguments.checkpoint else None
    )
    public = _read(arguments.public_key) if arguments.public_key else None
    found = verify(folder, public_key=public, witnessed=witnessed)
    if arguments.json:
        print(json.dumps({**msgspec.to_builtins(found), "ok": found.ok}, indent=2))
    else:
        _print(found, arguments)
    return EXIT_CLEAN if found.ok else EXIT_FOUND


def _print(found: Verification, arguments: Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=found.origin, title_justify="left")
    for column in ("question", "answer", "why", "first bad record"):
        table.add_column(column, overflow="fold")
    rows = [
        ("integrity", "what is there is what was written", found.integrity),
        ("completeness", "all is there that was written", found.completeness),
        ("current state", "it is what the records give", found.view),
    ]
    for name, question, answer in rows:
        table.add_row(name, *_cells(question, answer))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{found.records} records, {found.checkpoints} signed checkpoints agree, {found.unsealed} unsigned")
    if not arguments.public_key:
        console.print("The public key came from the folder itself; one kept elsewhere proves more: --public-key FILE")
    if not arguments.checkpoint:
        console.print("No checkpoint kept elsewhere was given, so a cut tail may go unseen: --checkpoint FILE")
    else:
        console.print(f"{found.unwitnessed} records are newer than the checkpoint that was given")
    if not found.view.ok:
        console.print("`bartizan ledger rebuild` makes current state anew")


def _cells(question: str, answer: Answer) -> tuple[str, str, str]:
    from rich.markup import escape

    word = "[green]yes[/]" if answer.ok else "[bold red]NO[/]"
    first = "" if answer.first_bad is None else str(answer.first_bad)
    return word, escape("\n".join(answer.reasons) or question), first


def _show(ledger: Ledger, record_id: str | None) -> int:
    if not record_id:
        raise InputError("which record?", hint="bartizan ledger show ID")
    for kind in kinds().values():
        record = ledger.get(kind, record_id)
        if record is not None:
            print(msgspec.json.format(msgspec.json.encode(record), indent=2).decode())
            return EXIT_CLEAN
    raise StoreError(f"the ledger has no record {record_id!r}", hint="ids are printed by scan, discover and attack")


def _say(arguments: Namespace, fields: dict[str, str], words: str) -> None:
    print(json.dumps(fields, indent=2) if arguments.json else words)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_FILE)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
