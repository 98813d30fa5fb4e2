"""Server-sent events, push style: bytes in, events out, the same for any chunking.

Source: WHATWG HTML, "Server-sent events", section "Parsing an event stream".
"""

from __future__ import annotations

from collections.abc import Iterator

from bartizan.errors import TargetError

MAX_EVENT_BYTES = 4_000_000
_DATA = b"data: "
_BOM = b"\xef\xbb\xbf"


class EventParser:
    """Parses one stream of events. Only the data of an event is kept; its name, id and retry time are not.

    Args:
        max_event_bytes: The longest event.
    """

    def __init__(self, *, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._rest = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._begun = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Takes the next bytes and yields the data of the events that they complete; to be exhausted.

        Raises:
            TargetError: An event is longer than allowed.
        """
        if self._begun and not self._rest and not self._data and b"\r" not in data:
            # The usual case: whole events of one line each.
            start = 0
            while data.startswith(_DATA, start):
                end = data.find(b"\n", start)
                if end < 0 or data[end + 1 : end + 2] != b"\n" or end - start > self._max:
                    break
                yield data[start + len(_DATA) : end]
                start = end + 2
            data = data[start:]
        lines: list[bytes] = []
        self._rest += data
        if b"\n" in data or b"\r" in data or self._rest.endswith(b"\r") or not self._begun:
            lines = self._lines()
        for line in lines:
            event = self._line(line)
            if event is not None:
                yield event
        if self._size + len(self._rest) > self._max:
            raise TargetError(f"an event of the stream is longer than {self._max:,} bytes")

    def _lines(self) -> list[bytes]:
        data = bytes(self._rest)
        if not self._begun:
            if len(data) < len(_BOM) and _BOM.startswith(data):
                return []
            data = data.removeprefix(_BOM)
            self._begun = True
        # A line ends in LF, CR or CRLF; a CR at the end waits, because an LF may follow it.
        waiting = data.endswith(b"\r")
        if b"\r" in data:
            data = (data[:-1] if waiting else data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = data.split(b"\n")
        self._rest = bytearray(rest + b"\r" if waiting else rest)
        return lines

    def _line(self, line: bytes) -> bytes | None:
        if not line:
            event = b"\n".join(self._data) if self._data else None
            self._data.clear()
            self._size = 0
            return event
        name, _, value = line.partition(b":")
        if name == b"data":
            value = value.removeprefix(b" ")
            self._data.append(value)
            self._size += len(value) + 1
            if self._size > self._max:
                raise TargetError(f"an event of the stream is longer than {self._max:,} bytes")
        return None
