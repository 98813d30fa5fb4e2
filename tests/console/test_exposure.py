from __future__ import annotations

from datetime import timedelta

import msgspec

from bartizan.console.exposure import by_probe, newest_runs, overall, rate_of
from bartizan.core.attempt import Attempt, Run
from bartizan.store.ledger import Ledger
from tests.console import sample as sampled


def test_what_could_not_be_scored_is_never_counted_as_safe() -> None:
    assert rate_of({"unscored": 5, "error": 3}) is None
    rate = rate_of({"success": 1, "resisted": 1, "blocked": 2, "unscored": 96})
    assert rate is not None
    assert (rate.successes, rate.trials, rate.share) == (1, 4, 0.25)


def test_only_the_newest_run_of_each_side_counts(ledger: Ledger) -> None:
    first, second = sampled.runs()
    attempts = [record for record in sampled.attempts() if isinstance(record, Attempt)]
    old = msgspec.structs.replace(first, id="run-old", at=first.at - timedelta(days=1))
    stale = [msgspec.structs.replace(each, id=f"old-{each.id}", run="run-old") for each in attempts]
    ledger.append(old, *stale, first, second, *attempts).wait()
    runs = newest_runs(ledger)
    assert {run.id for run in runs} == {sampled.DIRECT_RUN, sampled.GUARDED_RUN}
    found = overall(ledger, runs)
    assert found.without.rate
    assert found.without.rate.trials == 119


def test_probes_add_up_to_all(sample: Ledger) -> None:
    runs = newest_runs(sample)
    every, probes = overall(sample, runs), by_probe(sample, runs)
    for side in ("without", "guarded"):
        total = getattr(every, side).rate
        parts = [getattr(each, side).rate for each in probes]
        assert sum(part.trials for part in parts) == total.trials
        assert sum(part.successes for part in parts) == total.successes
    shares = [each.without.rate.share for each in probes if each.without.rate]
    assert shares == sorted(shares, reverse=True)


def test_without_runs_there_is_nothing_to_compare(ledger: Ledger) -> None:
    found = overall(ledger, newest_runs(ledger))
    assert found.without.rate is None
    assert found.guarded.rate is None
    assert by_probe(ledger, ()) == ()
    assert not ledger.find(Run)
