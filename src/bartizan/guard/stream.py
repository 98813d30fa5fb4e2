"""The guard of a stream: text in, released text out, and nothing leaves unchecked."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from bartizan.core.identity import unique_id
from bartizan.core.segment import Direction, Role, Segment
from bartizan.core.verdict import Action, Verdict
from bartizan.detect.reader import NOTHING_KNOWN, Context
from bartizan.guard.decision import ALLOWED, MAX_SIGNALS, Decision, Fired, combine, important
from bartizan.guard.guard import Guard, spans_of
from bartizan.guard.redaction import Span, in_order

_STEPS_IN_A_HOLD_BACK = 4
_MAX_RUN = 4096
"""How many characters of an unbroken run are held back at most until its end is seen."""
_RUN = re.compile(r"[A-Za-z0-9+/=_.~%&?:#@-]*")
"""What tokens, addresses and encoded data are made of; not the quotes, commas and brackets between them."""
_MAX_LOOK_BACK = 4096
"""How many characters before a step are looked at again at most, however long the detectors' matches may be."""
_READ_EVERY = 512
"""After how many characters the text is read as a whole, by detectors that patterns cannot stand in for."""
_READ_BACK = 2_048
"""How many characters are read at a time."""
_CONTEXT = 64
"""How many characters before a match that goes on are kept with its head, for detectors that look at context."""


class _Head(NamedTuple):
    """The beginning of a match that has not ended yet, kept when the window has moved past it."""

    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class StreamGuard:
    """Checks one stream of an answer, piece by piece, and releases what has been checked.

    The text is cut into steps at places that depend on the text alone, whatever the chunks it comes in: every quarter
    of `hold_back`, except that an unbroken run of token characters that is longer than `hold_back` (a JWT, a URL,
    base64) belongs to one step, up to 4096 characters. A step is released when `hold_back` characters after it (or the
    end) have come. It is checked together with these and with what came before it: `hold_back` characters, or as many
    as `guard.longest_bounded` says if that is more (4096 at most). Verdict and released text thus depend on the text
    alone; in ordinary prose at most 1.25 times `hold_back` characters wait for release; memory is bounded by these
    lengths and the longest chunk, and the work is linear.

    What is promised:

    - A match of up to `hold_back` characters, with the context it needs, is seen whole before any of it is released,
      and so is an unbroken run of up to 4096.
    - A longer match is seen by its first `hold_back` characters. If these make a match (as the head of a private key
      does), everything is redacted from there until the match ends: the guard keeps the head, and looks at it
      together with the newest text until the two no longer match. Of several such matches that overlap, the first is
      followed.
    - A longer match that nothing in its first `hold_back` characters betrays is seen as soon as it ends (if it is
      bounded) or from where it does match. It has its part in the verdict and its rest is redacted, but its
      beginning has been released. `hold_back` of at least `guard.longest_bounded` rules that out for bounded ones.
    - An action that holds content (block, review) ends the stream at the step in which the match begins.
    - What patterns cannot say (moderation, leaks, support by sources) is read off the last 2048 characters whenever
      512 more have been checked, and at the end, by `read`. It has its part in the verdict, and an action that
      holds content ends the stream there; what was released before stays released.
    - What only a redaction brings to light (a number that had no word boundary before) is looked for in whole texts,
      not in streams.

    Args:
        guard: What decides.
        hold_back: In characters, at least 1.
        request: The request's id, which the verdict carries.
        source: What the segment's source is called, such as `choices.0` or `tool_call:send_mail`.
        context: What is known around the answer: `Context.of` its request.

    Raises:
        ValueError: `hold_back` is less than 1.
    """

    def __init__(
        self,
        guard: Guard,
        *,
        hold_back: int,
        request: str = "",
        source: str = "choices.0",
        context: Context = NOTHING_KNOWN,
    ) -> None:
        if hold_back < 1:
            raise ValueError(f"hold_back is {hold_back}, and must be at least 1")
        self._guard = guard
        self._hold_back = hold_back
        self._step = max(1, hold_back // _STEPS_IN_A_HOLD_BACK)
        self._segment = Segment(text="", role=Role.ASSISTANT, source=source)
        longest = guard.longest_bounded(Direction.OUTPUT, self._segment)
        self._look_back = max(hold_back, min(longest, _MAX_LOOK_BACK))
        self._verdict = Verdict(
            id=unique_id("verdict"),
            action=Action.ALLOW,
            direction=Direction.OUTPUT,
            policy=guard.policy.id,
            request=request,
        )
        self._kept = ""  # the text from `_base` on
        self._base = 0  # where `_kept` begins in the stream
        self._checked = 0  # up to where text was checked, and released or redacted
        self._covered = 0  # up to where a redaction reaches that has been announced by its label
        self._head: _Head | None = None
        self._context = context
        self._reads = guard.engine.reads(Role.ASSISTANT)
        self._recent = ""  # the newest text that was checked, up to `_READ_BACK` characters
        self._since_read = 0  # how much of it no reading has seen
        self._unread: list[tuple[int, str]] = []
        self._fired: dict[tuple[str, str, int], Fired] = {}
        self._most_kept = 2 * MAX_SIGNALS
        self._held = False
        self._elapsed_ns = 0
        self._finished = False

    @property
    def blocked(self) -> bool:
        """Whether the stream has ended because of what was found; nothing is released from then on."""
        return self._held

    @property
    def is_due(self) -> bool:
        """Whether there is text for `read`."""
        return bool(self._unread) and not self._held

    def read(self) -> None:
        """Reads what is due; takes as long as the engine's readers do, so call it where nobody waits for the thread."""
        started = time.perf_counter_ns()
        unread, self._unread = self._unread, []
        for begin, text in unread:
            segment = msgspec.structs.replace(self._segment, text=text)
            for one in self._guard.read((segment,), Direction.OUTPUT, self._context):
                self._note(one.moved(lambda at, begin=begin: (at + begin, at + begin), 0))  # type: ignore[misc]
        self._elapsed_ns += time.perf_counter_ns() - started

    @property
    def decision(self) -> Decision:
        """What has been decided so far; final after `finish`. The released text is what its redactions have made."""
        verdict = msgspec.structs.replace(self._verdict, elapsed_us=self._elapsed_ns // 1000)
        return Decision(verdict=combine(self._fired.values(), verdict))

    def feed(self, text: str) -> str:
        """Takes the next piece of the stream, and returns what may be released now, often nothing.

        Raises:
            ValueError: The stream is finished.
        """
        if self._finished:
            raise ValueError("the stream is finished")
        if self._held:
            return ""
        self._kept += text
        released: list[str] = []
        while (until := self._next_step()) is not None:
            released.append(self._advance(until, until + self._hold_back))
        if released:
            self._forget()
        return "".join(released)

    def finish(self) -> str:
        """Says that the stream has ended, and returns the rest that may be released; a second call returns nothing."""
        if self._finished:
            return ""
        rest = self._advance(self._end, self._end) if self._checked < self._end and not self._held else ""
        if self._since_read and not self._held:
            self._unread.append((self._checked - len(self._recent), self._recent))
        self._finished = True
        self._kept, self._head, self._recent = "", None, ""
        return rest

    @property
    def _end(self) -> int:
        return self._base + len(self._kept)

    def _next_step(self) -> int | None:
        """Returns where the next step ends, or None where more text must come first. Depends on the text alone."""
        until = self._checked + self._step
        if self._held or self._end < until + self._hold_back:
            return None
        run = _RUN.match(self._kept, until - self._base, until + _MAX_RUN - self._base)
        run_end = run.end() + self._base if run else until
        if run_end < until + self._hold_back:
            return until
        return run_end if self._end >= run_end + self._hold_back else None

    def _advance(self, until: int, seen: int) -> str:
        """Checks the step up to `until` with the text up to `seen`, and returns what is released of it."""
        started = time.perf_counter_ns()
        if self._reads:
            self._gather(until)
        fired = [one for one in self._examine(seen) if self._belongs(one, until)]
        for one in fired:
            self._note(one)
        released = ""
        if not self._held:
            released = self._release(until, (span for _, span in spans_of(fired)))
            self._head = self._follow(fired, until)
        self._elapsed_ns += time.perf_counter_ns() - started
        return released

    def _gather(self, until: int) -> None:
        """Keeps the step for the next reading, which is due every so many characters, whatever the steps' lengths."""
        text = self._kept[self._checked - self._base : until - self._base]
        at = self._checked
        while text:
            size = min(len(text), _READ_EVERY - self._since_read)
            self._recent = (self._recent + text[:size])[-_READ_BACK:]
            self._since_read += size
            at, text = at + size, text[size:]
            if self._since_read == _READ_EVERY:
                self._unread.append((at - len(self._recent), self._recent))
                self._since_read = 0

    def _examine(self, seen: int) -> list[Fired]:
        """Returns what fires on the window that ends at `seen`, with places in the whole stream."""
        begin = max(0, self._checked - self._look_back)
        head = self._head
        before = head.text[: max(0, begin - head.start)] if head else ""
        text = before + self._kept[begin - self._base : seen - self._base]
        segment = msgspec.structs.replace(self._segment, text=text)
        fired = self._guard.match((segment,), Direction.OUTPUT)

        def place(index: int) -> tuple[int, int]:
            at = head.start + index if head and index < len(before) else begin + index - len(before)
            return at, at

        return [one.moved(place, 0) for one in fired]

    def _belongs(self, one: Fired, until: int) -> bool:
        """Whether a match concerns the step: it begins before the step's end and ends after its beginning."""
        return one.signal is None or (one.signal.start < until and one.signal.end > self._checked)

    def _note(self, one: Fired) -> None:
        """Keeps what fired for the verdict: once a place, and not more than a verdict lists."""
        key = (one.rule.id, one.detector, one.signal.start if one.signal else -1)
        known = self._fired.get(key)
        if known is None or (known.signal and one.signal and known.signal.end < one.signal.end):
            self._fired[key] = one
        self._held = self._held or one.action not in ALLOWED
        if len(self._fired) > self._most_kept:
            self._fired = important(self._fired)
            self._most_kept = 2 * len(self._fired)

    def _release(self, until: int, spans: Iterable[Span]) -> str:
        """Returns the text of the step with its redactions; a label is written where its span begins, once."""
        pieces: list[str] = []
        for span in in_order(spans):
            if span.end <= self._covered:
                continue
            if span.start >= self._covered:
                pieces.append(self._raw(span.start))
                pieces.append(span.label)
            self._covered = span.end
        pieces.append(self._raw(until))
        self._checked = until
        return "".join(pieces)

    def _raw(self, until: int) -> str:
        """Returns the text of the step that no redaction covers, up to `until`."""
        begin = max(self._checked, self._covered)
        return self._kept[begin - self._base : max(begin, until) - self._base]

    def _follow(self, fired: Iterable[Fired], until: int) -> _Head | None:
        """Returns the head of the first match whose end is still open and whose beginning the next window lacks."""
        begin = until - self._look_back
        open_ones = [one.signal for one in fired if one.signal and one.signal.start < begin and one.signal.end > until]
        if not open_ones:
            return None
        first = min(signal.start for signal in open_ones)
        if self._head and self._head.start <= first < self._head.end:
            return self._head
        start = max(self._base, first - _CONTEXT)
        return _Head(start, self._kept[start - self._base : first + self._hold_back - self._base])

    def _forget(self) -> None:
        keep = max(0, self._checked - self._look_back)
        self._kept = self._kept[keep - self._base :]
        self._base = keep
