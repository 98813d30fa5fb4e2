"""Spans are merged exactly."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.guard.policy import Redaction
from bartizan.guard.redaction import Span, label, merge, original, redact, replacements

A, B = "[REDACTED:a]", "[REDACTED:b]"


def test_overlapping_spans_become_one_with_the_first_label() -> None:
    assert redact("0123456789", [Span(4, 8, B), Span(2, 5, A)]) == f"01{A}89"
    assert redact("0123456789", [Span(2, 5, B), Span(2, 8, A)]) == f"01{A}89"
    assert redact("0123456789", [Span(2, 8, A), Span(3, 4, B)]) == f"01{A}89"


def test_spans_that_touch_stay_two() -> None:
    assert redact("0123456789", [Span(2, 5, A), Span(5, 8, B)]) == f"01{A}{B}89"


def test_an_empty_span_is_nothing() -> None:
    assert redact("0123", [Span(2, 2, A)]) == "0123"


def test_labels() -> None:
    assert label("iban", Redaction.LABEL) == "[REDACTED:iban]"
    assert label("iban", Redaction.BLANK) == "[REDACTED]"


def test_only_the_categories_of_detectors_count_as_earlier_redactions() -> None:
    text = "[REDACTED:iban] [REDACTED:my-secret] [REDACTED]"
    assert replacements(text, {"iban"}) == [(0, 15), (37, 47)]


spans = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12), st.sampled_from([A, B])).map(
        lambda drawn: Span(drawn[0], min(40, drawn[0] + drawn[1]), drawn[2])
    )
)


@settings(deadline=None)
@given(spans)
def test_merging_covers_exactly_what_the_spans_cover_in_any_order(found: list[Span]) -> None:
    merged = merge(found)
    covered = {place for span in found for place in range(span.start, span.end)}
    assert [place for span in merged for place in range(span.start, span.end)] == sorted(covered)
    assert merge(reversed(found)) == merged
    text = "".join(chr(0x4E00 + index) for index in range(40))
    left = [char for char in redact(text, found) if char >= "\u4e00"]
    assert left == [char for index, char in enumerate(text) if index not in covered]


@settings(deadline=None)
@given(spans)
def test_each_character_knows_where_it_came_from(found: list[Span]) -> None:
    text = "".join(chr(0x4E00 + index) for index in range(40))
    merged = merge(found)
    for index, char in enumerate(redact(text, found)):
        first, last = original(merged, index)
        if char >= "\u4e00":
            assert first == last
            assert text[first] == char
        else:
            assert any((span.start, span.end - 1) == (first, last) for span in merged)
