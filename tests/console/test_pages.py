"""The contract of every page on the shelf, also of those that do not exist yet."""

from __future__ import annotations

import inspect
import re
import typing
from pathlib import Path
from urllib.parse import quote

import msgspec
import pytest
from jinja2 import meta, nodes
from starlette.testclient import TestClient

from bartizan.console.page import Context, Page, pages
from bartizan.console.render import FOLDER, environment, load_assets
from bartizan.core.attempt import Attempt
from bartizan.store.ledger import Ledger
from tests.console import sample as sampled

PAGES = pages()
EXAMPLES = {
    "finding": sampled.OVERRIDE_FINDING,
    "asset": sampled.LAB,
    "run": sampled.GUARDED_RUN,
    "request": sampled.BLOCKED_REQUEST,
    "plugin": "pii.payment_card",
}
TEMPLATES = sorted([*(FOLDER / "pages").glob("*.html"), *(FOLDER / "templates").glob("*.html")])
INSIDE = {"ui", "parts"}


def address(name: str, *, twin: bool = False) -> str:
    path = f"/{name}.json" if twin else f"/{name}"
    return f"{path}?id={quote(EXAMPLES[name], safe='')}" if name in EXAMPLES else path


def record(page: Page) -> type[Context]:
    found: type[Context] = typing.get_type_hints(page.context)["return"]
    assert issubclass(found, Context)
    return found


def documented(record: type[Context]) -> set[str]:
    listed = (inspect.getdoc(record) or "").partition("Attributes:")[2]
    return set(re.findall(r"^ {4}(\w+): ", listed, re.MULTILINE))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_documents_every_field_and_no_other(name: str) -> None:
    assert documented(record(PAGES[name])) == set(record(PAGES[name]).__struct_fields__)


@pytest.mark.parametrize("name", PAGES)
def test_a_template_uses_every_field_and_no_other(name: str) -> None:
    made = environment(load_assets())
    tree = made.parse((FOLDER / "pages" / f"{name}.html").read_text(encoding="utf-8"))
    macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    used = meta.find_undeclared_variables(tree) - INSIDE - macros - set(made.globals)
    assert used == set(record(PAGES[name]).__struct_fields__)
    assert not set(record(PAGES[name]).__struct_fields__) & (INSIDE | set(made.globals))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_and_its_twin_show_the_sample(reader: TestClient, name: str) -> None:
    html, twin = reader.get(address(name)), reader.get(address(name, twin=True))
    assert html.status_code == 200, html.text
    assert html.headers["content-type"] == "text/html; charset=utf-8"
    assert twin.status_code == 200
    assert twin.headers["content-type"] == "application/json"
    assert set(twin.json()) == set(record(PAGES[name]).__struct_fields__)


@pytest.mark.parametrize("name", [name for name in PAGES if name not in EXAMPLES])
def test_a_page_of_an_empty_ledger_says_what_to_do(visitor: TestClient, name: str) -> None:
    answer = visitor.get(f"/{name}")
    assert answer.status_code == 200
    assert name in {"catalogue", "ledger"} or 'class="empty"' in answer.text


def test_the_navigation_holds_every_page_that_has_a_place(reader: TestClient) -> None:
    html = reader.get("/overview").text
    orders = [page.order for page in PAGES.values() if page.order]
    assert len(orders) == len(set(orders))
    for name, page in PAGES.items():
        assert (f'<li><a href="/{name}"' in html) == bool(page.order)
        assert page.order or page.part_of in PAGES


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_nothing_that_the_policy_forbids(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:|\|\s*safe\b|autoescape", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text)
    assert not re.search(r"""\w=\{\{""", text), "an attribute without quotes"


def test_assets_load_nothing_from_elsewhere() -> None:
    for name, asset in load_assets().items():
        text = asset.body.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|url\(|innerHTML|\beval\b", text), name


def test_the_safe_filter_is_gone() -> None:
    assert "safe" not in environment(load_assets()).filters


def test_lists_page_through_everything_once(reader: TestClient) -> None:
    seen: list[str] = []
    answer = reader.get(f"/run.json?id={sampled.DIRECT_RUN}").json()
    seen += [row["id"] for row in answer["rows"]]
    while answer["older"] is not None:
        answer = reader.get(f"/run.json?id={sampled.DIRECT_RUN}&before={answer['older']}").json()
        seen += [row["id"] for row in answer["rows"]]
    assert len(seen) == len(set(seen)) == 120


def test_the_ledger_page_pages_through_everything_once(reader: TestClient, sample: Ledger) -> None:
    answer = reader.get("/ledger.json").json()
    records = answer["records"]
    seen = [row["sequence"] for row in answer["rows"]]
    while answer["older"] is not None:
        answer = reader.get(f"/ledger.json?before={answer['older']}").json()
        seen += [row["sequence"] for row in answer["rows"]]
    assert seen == list(range(records, 0, -1))


def test_filters_narrow_the_findings(reader: TestClient) -> None:
    everything = reader.get("/findings.json").json()
    high = reader.get("/findings.json?severity=high&state=open").json()
    assert everything["total"] == len(everything["rows"]) == 9
    assert {row["severity"] for row in high["rows"]} == {"high"}
    assert high["total"] == everything["severities"]["high"] == 2
    by_asset = reader.get("/findings.json", params={"asset": sampled.AGENT}).json()
    assert [row["rule"] for row in by_asset["rows"]] == [sampled.TOOL]


def test_filters_narrow_the_traffic(reader: TestClient) -> None:
    every = reader.get("/traffic.json").json()
    blocked = reader.get("/traffic.json?outcome=blocked").json()
    assert {row["outcome"] for row in blocked["rows"]} == {"blocked"}
    assert len(blocked["rows"]) == every["outcomes"]["blocked"] > 2
    assert all(row["because"] and row["detectors"] for row in blocked["rows"])


def test_the_overview_counts_what_the_ledger_holds(reader: TestClient, sample: Ledger) -> None:
    shown = reader.get("/overview.json").json()
    assert shown["requests"] == 261
    assert shown["open_findings"] == 7
    assert [row["severity"] for row in shown["worst"]] == ["critical", "critical", "high", "high", "medium", "low"]
    assert shown["latest_blocked"][0]["request"] == sampled.BLOCKED_REQUEST
    without, guarded = shown["exposure"]["without"]["rate"], shown["exposure"]["guarded"]["rate"]
    assert without["trials"] == sample.count(Attempt, {"run": sampled.DIRECT_RUN}) - 1
    assert without["successes"] == sample.count(Attempt, {"run": sampled.DIRECT_RUN, "outcome": "success"})
    assert guarded["high"] < without["low"]
    assert shown["timeline"]["most"] >= 1
    assert sum(part["value"] for column in shown["timeline"]["columns"] for part in column["parts"]) == 261


def test_the_asset_page_knows_both_ends_of_a_link(reader: TestClient) -> None:
    shown = reader.get(address("asset", twin=True)).json()
    assert [edge["name"] for edge in shown["incoming"]] == ["lab-agent"]
    assert [edge["name"] for edge in shown["outgoing"]] == ["intent-classifier.pkl", "vector-store:kb~1"]
    assert {row["rule"] for row in shown["findings"]} == {sampled.OVERRIDE, sampled.DOCUMENT, sampled.PROMPT_LEAK}


def test_the_finding_page_shows_both_sides_of_the_guard(reader: TestClient) -> None:
    shown = reader.get(address("finding", twin=True)).json()
    assert {row["outcome"] for row in shown["attempts"]} == {"success"}
    assert {row["outcome"] for row in shown["stopped"]} == {"blocked"}
    assert shown["stopped_in_all"] > len(shown["stopped"])
    assert shown["asset"]["name"] == "lab-chat"


def test_twins_are_records_that_can_be_read_back(reader: TestClient) -> None:
    for name, page in PAGES.items():
        found = msgspec.json.decode(reader.get(address(name, twin=True)).content, type=record(page))
        assert isinstance(found, record(page))
