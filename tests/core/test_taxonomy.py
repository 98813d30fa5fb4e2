"""Taxonomy tags carry their edition."""

import pytest

from bartizan.core.taxonomy import OWASP_AGENTIC_2026, OWASP_LLM_2026, parse_tag
from bartizan.errors import PluginError


@pytest.mark.parametrize("entry", OWASP_LLM_2026)
def test_llm_entries_have_titles(entry: str) -> None:
    assert parse_tag(f"owasp-llm:2026:{entry}").title == OWASP_LLM_2026[entry]


def test_agentic_entries_have_titles() -> None:
    assert parse_tag("owasp-agentic:2026:ASI06").title == OWASP_AGENTIC_2026["ASI06"]


@pytest.mark.parametrize("text", ["atlas:2026.09:AML.T0051", "atlas:2026.09:AML.T0051.001", "cwe:4:CWE-502"])
def test_shaped_ids_are_accepted_and_print_as_written(text: str) -> None:
    assert str(parse_tag(text)) == text


@pytest.mark.parametrize(
    "text",
    ["LLM01", "owasp-llm:LLM01", "owasp-llm:2023:LLM01", "owasp-llm:2026:LLM11", "atlas:2026.09:T51", "cwe:4:502", ""],
)
def test_anything_else_is_refused_with_what_is_known(text: str) -> None:
    with pytest.raises(PluginError) as raised:
        parse_tag(text)
    assert "owasp-llm:2026" in raised.value.hint
