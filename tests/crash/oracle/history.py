"""The judgement: a pure function over what was sent and what arrived.

Every key (a user in an audience) is changed in strict alternation, add, remove, add ..., one
request at a time, each repeated until it is acknowledged. Therefore the n-th change of a key is
known without a number in the record, and the raw sequence at the destination decides everything:

* two equal changes in a row are either the record whose result was unknown when the hub was killed,
  sent once more by the next incarnation, or the trace of a lost or repeated record;
* after equal neighbours are merged, the sequence is exactly as long as the list of changes: longer
  means invented or replayed, shorter (once everything has settled) means lost.

A request whose answer was lost in a kill is sent again. If the hub had stored it, the second copy
changes nothing and must not arrive at all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

SHOWN_OF_A_HISTORY = 12


class Violation(Exception):
    """A promise of the hub that did not hold."""

    def __init__(self, kind: str, text: str, history: str = "") -> None:
        super().__init__(text)
        self.kind = kind
        self.history = history


@dataclass(slots=True)
class Change:
    """One change of a key as the sender knows it. Incarnations number the hub's lives from 1."""

    attempts: int = 0
    sent_in: int = 0  # the incarnation of the first attempt
    acknowledged_in: int = 0  # 0: not yet


@dataclass(slots=True)
class Arrival:
    """One applied membership at the destination."""

    sequence: int
    action: str
    incarnation: int  # the life of the hub that sent it
    answered: bool  # False: the destination closed the connection after applying it


def action_of(index: int) -> str:
    return "remove" if index % 2 else "add"


@dataclass(slots=True)
class Key:
    audience: str
    user: str
    changes: list[Change] = field(default_factory=list)
    arrivals: deque[Arrival] = field(
        default_factory=lambda: deque(maxlen=SHOWN_OF_A_HISTORY)
    )  # the last ones
    arrived: int = 0  # distinct changes that have arrived
    duplicates: int = 0
    is_settled: bool = False  # the result of the last arrival is known to be durable

    def take(self, arrival: Arrival) -> None:
        """Judges one arrival, in the destination's order."""
        last = self.arrivals[-1] if self.arrivals else None
        self.arrivals.append(arrival)  # before it is judged, so that a history shows it
        if last is not None and last.action == arrival.action:
            if self.is_settled:
                self._fail(
                    "order",
                    f"'{arrival.action}' was sent again although its result was durable long "
                    "before the kill",
                )
            if arrival.incarnation == last.incarnation and last.answered:
                self._fail(
                    "order",
                    f"'{arrival.action}' arrived twice in a row without a kill in between: the "
                    "change "
                    "between them was lost, or a settled record was sent again",
                )
            self.duplicates += 1
            return
        if arrival.action != action_of(self.arrived):
            self._fail(
                "lost",
                f"the first change to arrive is '{arrival.action}': the one before it was lost",
            )
        self.arrived += 1
        self.is_settled = False
        if self.arrived > len(self.changes):
            self._fail(
                "invented",
                f"{self.arrived} distinct changes arrived, but only {len(self.changes)} were ever "
                "sent: "
                "older ones were replayed or made up",
            )

    @property
    def is_complete(self) -> bool:
        return self.arrived == len(self.changes)

    def require_complete(self) -> None:
        if self.is_complete:
            return
        acknowledged = sum(1 for change in self.changes if change.acknowledged_in)
        self._fail("lost", f"{acknowledged} changes were acknowledged, {self.arrived} arrived")

    def _fail(self, kind: str, text: str) -> None:
        raise Violation(kind, f"{self.audience}/{self.user}: {text}", self.history())

    def history(self) -> str:
        """The last changes and arrivals, for a person."""
        lines = [
            f"key {self.audience}/{self.user}: {len(self.changes)} changes sent, "
            f"{self.arrived + self.duplicates} arrivals"
        ]
        for index, change in list(enumerate(self.changes))[-SHOWN_OF_A_HISTORY:]:
            outcome = (
                f"acknowledged in life {change.acknowledged_in}"
                if change.acknowledged_in
                else "not acknowledged"
            )
            lines.append(
                f"  sent    #{index + 1:<5} {action_of(index):<6} first in life {change.sent_in}, "
                f"attempts {change.attempts}, {outcome}"
            )
        for arrival in self.arrivals:
            note = "" if arrival.answered else ", closed without an answer"
            lines.append(
                f"  arrived seq {arrival.sequence:<7} {arrival.action:<6} from life "
                f"{arrival.incarnation}{note}"
            )
        return "\n".join(lines)


class Histories:
    """All keys, and the destination's raw sequence applied to them."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, str], Key] = {}
        self.entries_read = 0
        self.arrivals = 0

    def key(self, audience: str, user: str) -> Key:
        return self.keys.setdefault((audience, user), Key(audience, user))

    def take(self, entry: dict[str, object], incarnation: int) -> None:
        """Judges the next entry of the destination's log."""
        if entry["seq"] != self.entries_read:
            raise RuntimeError(
                f"the destination's log jumps from {self.entries_read} to {entry['seq']}"
            )
        self.entries_read += 1
        if not entry["applied"]:
            return
        self.arrivals += 1
        key = self.keys.get((str(entry["audience"]), str(entry["user"])))
        if key is None:
            raise Violation(
                "invented", f"{entry['audience']}/{entry['user']} arrived and was never sent"
            )
        key.take(
            Arrival(
                self.entries_read - 1, str(entry["action"]), incarnation, bool(entry["answered"])
            )
        )

    def incomplete(self, but_users: str = "") -> list[Key]:
        """Keys that miss something; those whose user begins with `but_users` are left out when it
        is given."""
        return [
            key
            for key in self.keys.values()
            if not key.is_complete and not (but_users and key.user.startswith(but_users))
        ]

    def settle(self) -> None:
        """Every result up to now is durable: from here on no record that has arrived, and whose
        arrival was answered, may come again."""
        for key in self.keys.values():
            is_answered = bool(key.arrivals) and key.arrivals[-1].answered
            key.is_settled = key.is_complete and is_answered

    @property
    def waiting(self) -> int:
        """Changes that were sent and have not arrived."""
        return sum(len(key.changes) - key.arrived for key in self.keys.values())

    @property
    def repeated_waiting(self) -> int:
        """Requests that were repeated because a kill took their answer, for changes that have not
        arrived: the first one may have become durable, then the change waits twice."""
        return sum(
            change.attempts - 1
            for key in self.keys.values()
            for change in key.changes[key.arrived :]
        )

    @property
    def duplicates(self) -> int:
        return sum(key.duplicates for key in self.keys.values())
