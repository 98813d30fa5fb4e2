"""How a run of `bartizan attack` is shown: a table for people, JSON for programs, JUnit for build servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import msgspec
from rich.console import Console
from rich.table import Table

from bartizan.attack.tally import Rate
from bartizan.core.attempt import Outcome
from bartizan.core.finding import Confidence, FindingState
from bartizan.jobs.attack import Summary

_NOT_XML = str.maketrans(dict.fromkeys([*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF], "\ufffd"))
_NEVER = "0"


def table(summary: Summary, console: Console) -> None:
    """Prints the rates, the findings and what was spent."""
    grid = Table(title=f"{summary.asset.name}: {_guard(summary)}", title_justify="left")
    rows = [_row(rate, summary.rates) for rate in summary.rates if not rate.mutator]
    empty = {heading for heading in ("blocked", "unscored") if all(row[heading] == _NEVER for row in rows)}
    headings = [heading for heading in (rows[0] if rows else {}) if heading not in empty]
    for heading in headings:
        text = heading in {"probe", "most by"}
        grid.add_column(heading, justify="left" if text else "right", no_wrap=heading == "probe")
    for row in rows:
        grid.add_row(*(row[heading] for heading in headings))
    console.print(grid)
    for skip in summary.skips:
        console.print(f"not tried: {skip.subject}: {skip.reason}", markup=False, soft_wrap=True)
    fixed = [finding.rule for finding in summary.findings if finding.state is FindingState.FIXED]
    if fixed:
        console.print(f"no longer succeeds: {', '.join(fixed)}", markup=False, soft_wrap=True)
    ended = f", stopped by {summary.run.stopped_by}" if summary.run.stopped_by else ""
    resumed = f", {summary.resumed} attempts from before" if summary.resumed else ""
    found = len(summary.open_findings)
    console.print(
        f"{found} {'finding' if found == 1 else 'findings'}; {summary.requests} requests, {summary.tokens} tokens, "
        f"{summary.seconds:.1f} s{ended}{resumed}; run {summary.run.id}",
        markup=False,
        soft_wrap=True,
    )


def plain(summary: Summary) -> dict[str, Any]:
    """Returns the whole summary as one JSON-ready value."""
    value: dict[str, Any] = msgspec.to_builtins(summary)
    return value


def junit(summary: Summary) -> Iterator[str]:
    """Yields the lines of a JUnit report: a probe is a test case, a success a failure, what was not tried skipped."""
    overall = [rate for rate in summary.rates if not rate.mutator]
    failures, skipped = sum(rate.successes > 0 for rate in overall), len(summary.skips)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield (
        f'<testsuite name="bartizan attack" tests="{len(overall) + skipped}" failures="{failures}" '
        f'errors="{sum(_unsure(rate) for rate in overall)}" skipped="{skipped}" time="{summary.seconds:.3f}">'
    )
    by_rule = {finding.rule: finding for finding in summary.open_findings}
    for rate in overall:
        finding = by_rule.get(rate.probe)
        yield f"  <testcase classname={_attribute(summary.asset.name)} name={_attribute(rate.probe)}>"
        if finding:
            text = "\n".join([*finding.evidence, finding.remediation]).translate(_NOT_XML)
            yield f"    <failure message={_attribute(finding.title)}>{escape(text)}</failure>"
        elif _unsure(rate):
            yield '    <error message="nothing could be scored"/>'
        yield "  </testcase>"
    for skip in summary.skips:
        yield f"  <testcase classname={_attribute(summary.asset.name)} name={_attribute(skip.subject)}>"
        yield f"    <skipped message={_attribute(skip.reason)}/>"
        yield "  </testcase>"
    yield "</testsuite>"


def _row(rate: Rate, rates: tuple[Rate, ...]) -> dict[str, str]:
    outcome = rate.outcomes
    unscored = outcome.get(Outcome.UNSCORED, 0) + outcome.get(Outcome.ERROR, 0)
    return {
        "probe": rate.probe,
        "success": f"{rate.successes}/{rate.scored}",
        "share": f"{rate.confidence.share:.0%}" if rate.confidence else "-",
        "95 %": _interval(rate.confidence),
        "blocked": str(outcome.get(Outcome.BLOCKED, 0)),
        "unscored": str(unscored),
        "most by": _worst(rate, rates),
    }


def _worst(rate: Rate, rates: tuple[Rate, ...]) -> str:
    """Names the mutator with the highest share, where any succeeded."""
    mine = [each for each in rates if each.probe == rate.probe and each.mutator and each.confidence and each.successes]
    if not mine:
        return ""
    best = max(mine, key=lambda each: (each.confidence.share if each.confidence else 0.0, each.mutator))
    return f"{best.mutator.rpartition('.')[2]} {best.successes}/{best.scored}"


def _interval(confidence: Confidence | None) -> str:
    return f"{100 * confidence.low:.0f}-{confidence.high:.0%}" if confidence else "-"


def _guard(summary: Summary) -> str:
    return "with a guard in front" if summary.run.guarded else "without a guard"


def _unsure(rate: Rate) -> bool:
    return rate.scored == 0


def _attribute(text: str) -> str:
    return quoteattr(text.translate(_NOT_XML))
