"""Retrieval is real: the document that fits comes first, and nothing comes where nothing fits."""

from bartizan.lab.retrieve import best_sentences, retrieve


def test_the_document_that_fits_comes_first() -> None:
    assert retrieve("I lost my card, it was stolen")[0].name == "lost-card.md"
    assert retrieve("opening hours on Saturday")[0].name == "opening-hours.md"


def test_nothing_fits_a_question_about_something_else() -> None:
    assert retrieve("zebra xylophone") == []


def test_the_answer_is_the_sentence_that_fits() -> None:
    assert (
        best_sentences(
            "What does the credit card cost?", "# Fees\nThe app is free. The credit card costs 24 EUR.", most=1
        )
        == "The credit card costs 24 EUR."
    )
