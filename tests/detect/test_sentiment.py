"""What counts as strongly negative, in twelve languages, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bartizan.core.segment import Role, Segment
from bartizan.detect.detectors.polarity import Polarity
from bartizan.detect.detectors.zero_width import ZeroWidth
from bartizan.detect.engine import Engine
from bartizan.detect.group import Group
from bartizan.detect.scoring import Item, Scorer, families
from bartizan.detect.sentiment import MAX_CHARS, _lexicons, negative

ANGRY = {
    "English": "I hate this company. Your staff are rude and the whole thing is a disgrace.",
    "German": "Ich bin stinksauer, der Support ist unfähig und das ist eine absolute Zumutung.",
    "French": "C'est inadmissible, votre personnel est impoli et je suis très déçu.",
    "Spanish": "Estoy indignada, el trato fue grosero y la comida un asco.",
    "Portuguese": "O atendimento foi péssimo, estou indignado e muito decepcionado.",
    "Italian": "Il personale è maleducato, il cibo schifoso e sono davvero delusa.",
    "Russian": "Отвратительное обслуживание, персонал хамский, я возмущена.",
    "Chinese": "你们的客服太敷衍了，真让人愤怒，差劲！",
    "Japanese": "店員が失礼で、料理も最低。許せません。",
    "Korean": "직원이 너무 불친절하고 음식도 최악이에요. 화가 나네요.",
    "Arabic": "الموظف وقح والخدمة رديئة وأنا مستاء جدا، فضيحة!",
    "Hindi": "कर्मचारी बदतमीज था, खाना घटिया था, मुझे बहुत गुस्सा आया।",
}
CALM = (
    "I am not disappointed, and nobody was rude. It wasn't awful.",
    "A terrible storm hit the coast.",
    "Bad luck! But the hotel was wonderful, the staff lovely, the food excellent, and I was not angry.",
    "Wie lange dauert der Umtausch eines defekten Geräts?",
    "Ce n'est pas mauvais du tout.",
    "不错，非常满意。",
    "とても良かったです。ありがとうございました。",
    "",
)


@pytest.mark.parametrize("language", ANGRY)
def test_angry_customers_are_seen(language: str) -> None:
    found = negative(ANGRY[language])
    assert found.score >= 0.7
    assert found.language == language
    assert 0 <= found.start < found.end <= len(ANGRY[language])


@pytest.mark.parametrize("text", CALM)
def test_calm_texts_are_not(text: str) -> None:
    assert negative(text).score < 0.5


def test_denial_turns_praise_round_and_takes_complaints_away() -> None:
    assert negative("Not good, not helpful, not friendly, and never polite. A useless visit.").score > 0.5
    assert negative("It is never awful, not useless and not rude.").score == 0


def test_stronger_words_and_more_of_them_count_more() -> None:
    mild = "The room was dirty, the staff rude and the bed awkward."
    assert negative(f"{mild} It was the worst hotel, absolutely disgusting.").score > negative(mild).score
    assert negative(f"{mild} {'We then took the train to the coast and walked along the beach. ' * 20}").score < 0.3


def test_sarcasm_is_missed_as_the_note_says() -> None:
    assert negative("Oh wonderful, another brilliant update that deletes all my files. Just perfect.").score == 0
    assert "Sarcasm is missed" in Polarity.meta.false_positives


def test_every_list_is_long_enough_and_no_word_is_both_praise_and_complaint() -> None:
    for name, lexicon in _lexicons().items():
        lists = lexicon.lists
        praise, weak, normal, strong = (
            frozenset(words.split()) for words in (lists.positive, lists.weak, lists.negative, lists.strong)
        )
        least = 110 if name == "en" else 40
        assert len(praise) >= least, name
        assert len(weak | normal | strong) >= least, name
        assert not praise & (weak | normal | strong), name


def test_it_belongs_to_no_group_and_changes_no_score() -> None:
    plugin = Polarity()
    assert not [group for group in Group if plugin.meta.id.startswith(families(group))]
    with_it, without = Scorer(Engine([plugin, ZeroWidth()])), Scorer(Engine([ZeroWidth()]))
    text = ANGRY["English"]
    signals = with_it.engine.detect([Segment(text=text, role=Role.USER)]).signals
    assert [one.detector for one in signals] == ["sentiment.polarity"]

    assert with_it.score(Item(text=text)) == without.score(Item(text=text))


def test_only_the_beginning_is_read() -> None:
    assert negative("a " * MAX_CHARS + ANGRY["English"]).score == 0


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_has_a_score_and_a_place_within(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    found = negative(text)
    assert 0 <= found.score <= 1
    assert found.score == 0 or 0 <= found.start < found.end <= len(text)
