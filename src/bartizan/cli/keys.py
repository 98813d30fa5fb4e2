"""Issue, list and revoke the keys of the gateway and the console.

bartizan keys issue --name ci --scope infer     prints a new key once; it is kept only as a hash
bartizan keys list                              says which keys there are
bartizan keys revoke key-0123456789ab           takes effect within seconds
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

import msgspec

from bartizan.config import load
from bartizan.core.credential import Credential, Scope, issue
from bartizan.core.record import now
from bartizan.errors import EXIT_CLEAN, InputError
from bartizan.store.ledger import Ledger

_MOST_LISTED = 1000


def add_arguments(parser: ArgumentParser) -> None:
    """Declares the arguments of `bartizan keys`."""
    parser.add_argument("what", choices=["issue", "list", "revoke"])
    parser.add_argument("id", nargs="?", help="the key to revoke, as `list` prints it")
    parser.add_argument("--name", default="unnamed", help="what the key is for")
    parser.add_argument("--scope", action="append", choices=[scope.value for scope in Scope], help="default: infer")
    parser.add_argument("--state", metavar="DIR", help="the state folder (default: .bartizan)")


def run(arguments: Namespace) -> int:
    """Issues, lists or revokes keys."""
    config = load(arguments.config, flags={"state": arguments.state}).config
    with Ledger.open(Path(config.state), config.store) as ledger:
        if arguments.what == "issue":
            scopes = tuple(Scope(name) for name in arguments.scope or [Scope.INFER])
            record, key = issue(arguments.name, *scopes)
            ledger.append(record).wait()
            print(key)
        elif arguments.what == "revoke":
            _revoke(ledger, arguments.id or "")
        else:
            for entry in ledger.find(Credential, limit=_MOST_LISTED):
                print(_line(entry.record))
    return EXIT_CLEAN


def _revoke(ledger: Ledger, key_id: str) -> None:
    credential = ledger.get(Credential, key_id)
    if credential is None:
        raise InputError(f"there is no key {key_id!r}", hint="`bartizan keys list` prints the ids")
    ledger.append(msgspec.structs.replace(credential, revoked=True, at=now())).wait()
    print(f"{key_id} is revoked")


def _line(credential: Credential) -> str:
    state = "revoked" if credential.revoked else "in force"
    return (
        f"{credential.id}  {state:<8}  {','.join(credential.scopes):<14}  {credential.at:%Y-%m-%d}  {credential.name}"
    )
