"""`bartizan keys`."""

from pathlib import Path

import pytest

from bartizan.cli import main
from bartizan.core.credential import Credential, Scope, identify, matches
from bartizan.errors import EXIT_BROKEN
from bartizan.store.ledger import Ledger


def test_a_key_is_printed_once_listed_without_its_secret_and_revoked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = ["--state", str(tmp_path / "state")]
    assert main(["keys", "issue", "--name", "ci", "--scope", "infer", *state]) == 0
    key = capsys.readouterr().out.strip()
    key_id = identify(key)
    assert key_id

    assert main(["keys", "list", *state]) == 0
    listed = capsys.readouterr().out
    assert key_id in listed
    assert key.rpartition("_")[2] not in listed

    assert main(["keys", "revoke", key_id, *state]) == 0
    with Ledger.open(tmp_path / "state") as ledger:
        credential = ledger.get(Credential, key_id)
    assert credential
    assert matches(credential, key)
    assert not credential.allows(Scope.INFER)


def test_revoking_an_unknown_key_is_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "revoke", "key-nothing", "--state", str(tmp_path)]) == EXIT_BROKEN
    assert "bartizan keys list" in capsys.readouterr().err
