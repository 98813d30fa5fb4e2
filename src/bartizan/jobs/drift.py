"""Watching for drift: score live texts, go on with the test from its file, and say whether the statement stands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from bartizan.detect import drift
from bartizan.detect.drift import Drift
from bartizan.detect.group import Group, Kind
from bartizan.detect.scoring import Scorer
from bartizan.detect.thresholds import SiteThreshold
from bartizan.errors import ConfigError, InputError
from bartizan.jobs.calibrate import harmless, scores
from bartizan.jobs.labelled import Row
from bartizan.jobs.progress import Progress, silent

_MAX_BYTES = 1_000_000


def run(
    rows: Iterable[Row],
    scorer: Scorer,
    state: Path,
    *,
    site: SiteThreshold,
    progress: Progress = silent,
) -> Drift:
    """Observes texts, each distinct one once, and keeps the test in `state`.

    Rows labelled as attacks, and those of other kinds than the threshold is for, are passed over.

    Raises:
        InputError: The texts cannot be read, or `state` cannot be read or written or is of another threshold.
    """
    before = _read(state, site) if state.exists() else drift.begin(site)
    texts = harmless(rows, site.kind)
    after = before.observe_all(scores(texts.items, (scorer, site.group), progress))
    fresh = state.with_name(f"{state.name}.new")
    try:
        fresh.write_bytes(msgspec.json.encode(after))
        fresh.replace(state)
    except OSError as error:
        raise InputError(f"{state} cannot be written: {error.strerror}", hint="check the folder") from error
    return after


def site_of(scorer: Scorer, group: Group, kind: Kind | None) -> SiteThreshold:
    """Returns the site's threshold for a group and kind.

    Raises:
        ConfigError: There is none.
    """
    for one in scorer.thresholds:
        if (one.group, one.kind) == (group, kind):
            return one
    raise ConfigError(
        f"there is no threshold of this site for {group.value}, {kind.value if kind else 'all kinds'}",
        hint="make one with `bartizan detect calibrate`, and name its file as detect.thresholds in the configuration",
    )


def _read(state: Path, site: SiteThreshold) -> Drift:
    try:
        with state.open("rb") as file:
            found = msgspec.json.decode(file.read(_MAX_BYTES), type=Drift)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{state} is no state of the drift test: {error}", hint="give another name") from error
    if found.origin != site.origin or len(found.bets) != len(found.capital):
        raise InputError(f"{state} belongs to another threshold", hint="take it away, so that the test begins anew")
    return found
