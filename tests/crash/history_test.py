#!/usr/bin/python3
"""The oracle's judgement on histories that are written by hand: each promise is broken once."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "tools/python")]

from oracle.history import Change, Histories, Violation  # noqa: E402


class Judgement(unittest.TestCase):
    def setUp(self) -> None:
        self.histories = Histories()
        self.life = 1

    def sent(self, count: int, user: str = "u") -> None:
        key = self.histories.key("a", user)
        key.changes += [
            Change(attempts=1, sent_in=self.life, acknowledged_in=self.life) for _ in range(count)
        ]

    def arrives(
        self, *actions: str, user: str = "u", applied: bool = True, answered: bool = True
    ) -> None:
        for action in actions:
            entry = {
                "seq": self.histories.entries_read,
                "audience": "a",
                "user": user,
                "action": action,
                "applied": applied,
                "answered": answered,
            }
            self.histories.take(entry, self.life)

    def breaks(self, kind: str, *actions: str, user: str = "u") -> None:
        with self.assertRaises(Violation) as caught:
            self.arrives(*actions, user=user)
            self.histories.key("a", user).require_complete()
        self.assertEqual(caught.exception.kind, kind)

    def test_every_change_once_in_order_is_complete(self) -> None:
        self.sent(3)

        self.arrives("add", "remove", "add")

        self.assertEqual(self.histories.incomplete(), [])

    def test_the_last_record_before_a_kill_may_come_once_more(self) -> None:
        self.sent(3)
        self.arrives("add", "remove")
        self.life = 2

        self.arrives("remove", "add")

        self.assertEqual((self.histories.incomplete(), self.histories.duplicates), ([], 1))

    def test_a_record_that_the_destination_applied_without_answering_may_come_once_more(
        self,
    ) -> None:
        self.sent(1)

        self.arrives("add", answered=False)
        self.arrives("add")

        self.assertEqual(self.histories.duplicates, 1)

    def test_a_duplicate_within_one_life_is_a_violation(self) -> None:
        self.sent(2)

        self.breaks("order", "add", "add")

    def test_a_second_duplicate_in_the_same_life_is_a_violation(self) -> None:
        self.sent(2)
        self.arrives("add")
        self.life = 2

        self.breaks("order", "add", "add")

    def test_a_record_whose_result_was_durable_may_not_come_again_even_after_a_kill(self) -> None:
        self.sent(1)
        self.arrives("add")
        self.histories.settle()
        self.life = 2

        self.breaks("order", "add")

    def test_what_arrives_after_a_settled_record_may_come_once_more(self) -> None:
        self.sent(2)
        self.arrives("add")
        self.histories.settle()
        self.arrives("remove")
        self.life = 2

        self.arrives("remove")

        self.assertEqual(self.histories.duplicates, 1)

    def test_a_change_that_never_arrives_is_lost(self) -> None:
        self.sent(3)

        self.breaks("lost", "add", "remove")

    def test_a_change_lost_in_the_middle_is_seen_at_its_neighbours(self) -> None:
        self.sent(3)

        self.breaks("order", "add", "add")

    def test_a_change_lost_at_a_kill_is_seen_by_the_count_although_it_looks_like_a_duplicate(
        self,
    ) -> None:
        self.sent(3)
        self.arrives("add")
        self.life = 2

        self.breaks("lost", "add")

    def test_the_first_change_of_a_key_lost(self) -> None:
        self.sent(2)

        self.breaks("lost", "remove")

    def test_two_records_sent_again_after_a_kill_are_a_violation_although_they_alternate(
        self,
    ) -> None:
        self.sent(2)
        self.arrives("add", "remove")
        self.life = 2

        self.breaks("invented", "add", "remove")

    def test_a_key_that_nobody_sent_is_invented(self) -> None:
        self.breaks("invented", "add", user="nobody")

    def test_a_rejected_membership_is_no_arrival(self) -> None:
        self.sent(1, "stuck-user")

        self.arrives("add", "add", user="stuck-user", applied=False)

        self.assertEqual(self.histories.arrivals, 0)
        self.assertEqual(len(self.histories.incomplete()), 1)
        self.assertEqual(self.histories.incomplete(but_users="stuck-"), [])

    def test_a_violation_tells_the_history_of_its_key(self) -> None:
        self.sent(2)

        with self.assertRaises(Violation) as caught:
            self.arrives("add", "add")

        self.assertIn("sent    #2     remove", caught.exception.history)
        self.assertIn("arrived seq 1", caught.exception.history)


if __name__ == "__main__":
    unittest.main()
