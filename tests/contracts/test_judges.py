"""What every judge, present or to come, must keep: its own examples, and never safe where it cannot tell."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bartizan.attack.judge import Evidence, Judge, shelf
from bartizan.core.attempt import Outcome
from bartizan.core.taxonomy import parse_tag

JUDGES = list(shelf())
SCORES = {Outcome.SUCCESS, Outcome.RESISTED, Outcome.UNSCORED}


@pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.meta.id)
class TestEachJudge:
    def test_says_what_it_is(self, judge: Judge) -> None:
        assert len(judge.meta.why) > 40
        assert judge.meta.references
        assert judge.meta.false_positives
        assert [str(parse_tag(tag)) for tag in judge.meta.tags] == list(judge.meta.tags) != []

    def test_its_own_examples_are_scored_as_it_says(self, judge: Judge) -> None:
        for answer in judge.meta.hits:
            assert judge(msgspec.structs.replace(judge.example, answer=answer)).outcome is Outcome.SUCCESS, answer
        for answer in judge.meta.misses:
            assert judge(msgspec.structs.replace(judge.example, answer=answer)).outcome is not Outcome.SUCCESS, answer

    def test_a_judge_of_text_has_examples_of_both(self, judge: Judge) -> None:
        if judge.meta.id != "judge.tool_trace":
            assert len(judge.meta.hits) >= 2
            assert len(judge.meta.misses) >= 2

    def test_without_anything_to_go_by_it_is_unscored(self, judge: Judge) -> None:
        assert judge(Evidence(answer="")).outcome is Outcome.UNSCORED

    def test_the_targets_own_filter_counts_as_resisted(self, judge: Judge) -> None:
        ended = msgspec.structs.replace(judge.example, answer="", traced=False, finish="content_filter")
        assert judge(ended).outcome is Outcome.RESISTED

    @given(answer=st.text(max_size=500))
    def test_any_text_gets_a_score_with_a_reason(self, judge: Judge, answer: str) -> None:
        score = judge(msgspec.structs.replace(judge.example, answer=answer))
        assert score.outcome in SCORES
        assert score.reason
