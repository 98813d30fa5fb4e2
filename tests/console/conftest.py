"""A console over the sample ledger, and a visitor to it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from bartizan.config import Config
from bartizan.console.app import build
from bartizan.core.credential import Scope, issue
from bartizan.store.ledger import Ledger
from tests.console.sample import fill

BASE = "http://127.0.0.1:8789"


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A filled ledger that tests only read."""
    with Ledger.open(tmp_path_factory.mktemp("sample")) as ledger:
        fill(ledger)
        yield ledger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger of the test's own."""
    with Ledger.open(tmp_path / "state") as ledger:
        yield ledger


@pytest.fixture
def key(ledger: Ledger) -> str:
    credential, key = issue("tester", Scope.CONSOLE)
    ledger.append(credential).wait()
    return key


@pytest.fixture
def stranger(ledger: Ledger) -> Iterator[TestClient]:
    """Somebody who has not logged in."""
    with TestClient(build(Config(), ledger), base_url=BASE, follow_redirects=False) as client:
        yield client


@pytest.fixture
def visitor(stranger: TestClient, key: str) -> TestClient:
    """Somebody who has."""
    assert log_in(stranger, key).status_code == 303
    return stranger


@pytest.fixture(scope="session")
def reader(sample: Ledger) -> Iterator[TestClient]:
    """Somebody who reads the sample ledger with a key as bearer token."""
    credential, key = issue("reader", Scope.CONSOLE)
    sample.append(credential).wait()
    headers = {"authorization": f"Bearer {key}"}
    with TestClient(build(Config(), sample), base_url=BASE, follow_redirects=False, headers=headers) as client:
        yield client


def log_in(client: TestClient, key: str) -> Any:
    return client.post("/login", data={"csrf": token(client.get("/login").text), "key": key})


def token(html: str) -> str:
    """Returns the first form's token."""
    return html.partition('name="csrf" value="')[2].partition('"')[0]
