#!/usr/bin/python3
"""What became of a key's records and of an event, as `syncline explain` tells it."""

from __future__ import annotations

import unittest
from typing import Any

from support import KEY, HubTest, RunningHub, call, dmp

BLOCKED = {"code": "blocked", "message": "this user is blocked", "retryable": False}


def story(answer: Any) -> list[list[str]]:
    """What happened to each record, in a word each."""
    return [[fact["what"] for fact in record["happened"]] for record in answer["records"]]


class ExplainTest(HubTest):
    async def reject(self, *users: str) -> None:
        faults = {"reject_users": {user: BLOCKED for user in users}}
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", faults)

    async def change(self, hub: RunningHub, user: str, is_add: bool) -> None:
        body = dmp.Batch("a", is_add, [user]).body("B")
        answer = await self.post(hub, body, {"X-HMAC": dmp.sign(KEY, body)})
        self.assertEqual(answer.status, 200)
        await self.settled()

    async def explained(self, *words: str) -> Any:
        return await self.result("explain", *words)

    async def live(self, hub: RunningHub) -> str:
        """Delivered, repeated, changed, dead, replayed; the id of the letter."""
        await self.change(hub, "u1", True)
        await self.change(hub, "u1", True)
        await self.change(hub, "u2", True)
        await self.reject("u1")
        await self.change(hub, "u1", False)
        (letter,) = (await self.explained("audiences", "a/u1"))["now"]["letters"]
        await self.reject()
        await self.result("dlq", "replay", letter["id"])
        await self.settled()
        letter_id: str = letter["id"]
        return letter_id

    async def test_a_record_s_life_is_told_in_order_and_after_a_restart(self) -> None:
        hub = await self.start()
        letter = await self.live(hub)
        before = await self.explained("audiences", "a/u1")
        self.assertEqual(
            story(before), [["delivered"], ["unchanged"], ["dead", "replayed", "delivered"]]
        )
        events = [record["event"] for record in before["records"]]
        self.assertEqual(events, sorted(events, key=lambda text: int(text.split(".")[1])))
        operations = [record["operation"] for record in before["records"]]
        self.assertEqual(operations, ["upsert", "upsert", "delete"])
        self.assertEqual({record["route"] for record in before["records"]}, {"acme-dmp"})
        dead, replayed, delivered = before["records"][2]["happened"]
        self.assertEqual((dead["letter"], replayed["letter"]), (letter, letter))
        self.assertEqual((dead["class"], dead["code"]), ("permanent", "blocked"))
        self.assertIn("blocked", dead["message"])
        self.assertEqual(delivered["attempt"], 1)
        now = before["now"]
        self.assertEqual((now["lane"], now["letters"]), (None, []))
        self.assertEqual(now["key_map"]["event"], events[2])
        self.assertEqual(now["key_map"]["delivered_at"], delivered["at"])
        self.assertEqual(before["history"], {"after": "0.0", "ended_by": "beginning"})

        await self.stop(hub)
        hub = await self.start()
        self.assertEqual(await self.explained("audiences", "a/u1"), before)
        text = (await self.syncline("explain", "audiences", "a/u1")).out
        places = [text.index(word) for word in (
            "Key a/u1 on connection audiences\n", f"event {events[0]}, received ",
            "  delivered at attempt 1", f"event {events[1]}", "  unchanged: ", f"event {events[2]}",
            f"  dead letter {letter}, at attempt 1; permanent: ",
            f"  dead letter {letter} was replayed by command\n", "now\n", "  nothing waits\n",
            "The history is whole.\n",
        )]  # fmt: skip
        self.assertEqual(places, sorted(places), text)
        await self.stop(hub)

    async def test_an_event_is_told_with_what_its_records_became(self) -> None:
        hub = await self.start()
        await self.reject("u2")
        self.assertEqual((await self.send(hub, ["u1", "u2"])).status, 200)
        await self.settled()
        (letter,) = (await self.result("dlq", "list"))["letters"]
        event = (await self.explained("audiences", "a/u2"))["records"][0]["event"]
        answer = await self.explained("--event", event)
        self.assertEqual((answer["outcome"], answer["record_count"]), ("translated", 2))
        self.assertEqual([record["key"] for record in answer["records"]], ["a/u1", "a/u2"])
        self.assertEqual(story(answer), [["delivered"], ["dead"]])
        self.assertEqual([open_["id"] for open_ in answer["letters"]], [letter["id"]])
        text = (await self.syncline("explain", "--event", event)).out
        self.assertIn(f"Event {event}, received ", text)
        self.assertIn(" on route acme-dmp: POST /hooks/acme-dmp, ", text)
        self.assertIn("\nIt became 2 records.\n", text)
        self.assertIn("\nrecord 1, key a/u2, upsert, connection audiences\n", text)
        self.assertIn(f"\ndead letter {letter['id']} is open since ", text)

        body = b"no JSON"
        await self.post(hub, body, {"X-HMAC": dmp.sign(KEY, body)})
        await self.until("dead", lambda found: found["route"].get("dead") == 1)
        (_, letter) = (await self.result("dlq", "list"))["letters"]
        epoch, counter = letter["id"].split(".")
        answer = await self.explained("--event", f"{epoch}.{int(counter) - 1}")
        self.assertEqual(answer["outcome"], "dead")
        self.assertEqual(answer["happened"][0]["letter"], letter["id"])
        await self.stop(hub)

    async def test_what_waits_says_when_it_is_due_and_why(self) -> None:
        self.prepare(retry_base_ms=600_000, retry_max_ms=900_000)
        hub = await self.start()
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", {"fail": {"status": 503, "count": 1}})
        await self.send(hub, ["u1"])
        await self.send(hub, ["u1"])
        found = {}
        for _ in range(200):
            found = (await self.explained("audiences", "a/u1"))["now"]["lane"]
            if found and found["attempts"] == 1 and found["records"] == 2:
                break
        self.assertEqual((found["attempts"], found["records"]), (1, 2))
        self.assertEqual(found["last_failure"]["class"], "transient")
        text = (await self.syncline("explain", "audiences", "a/u1")).out
        self.assertIn(f"failed at attempt 1, next at {found['due']}; transient:\n      Pangolin ", text)
        self.assertIn("  nothing was delivered for this key\n", text)
        self.assertIn("\n  waiting: 2, the first is of event ", text)
        await hub.child.end()

    async def test_what_is_not_known_is_said_clearly(self) -> None:
        hub = await self.start()
        await self.change(hub, "u1", True)
        for words, code, what in (
            (("nowhere", "a/u1"), "admin.not_found", "there is no connection `nowhere`"),
            (("audiences", "a/u9"), "admin.not_found", "nothing is known of key `a/u9`"),
            (("--event", "9.1"), "admin.not_found", "9.1 is not the id of an event"),
            (("--event", "1.1"), "admin.not_found", "1.1 is not the id of an event"),
            (("--event", "x"), "app.bad_argument", "`x` is not the id of an event"),
            (("audiences",), "app.bad_argument", "name a connection and a key"),
            ((), "app.bad_argument", "name a connection and a key"),
            (("audiences", "k", "--event", "1.4"), "app.bad_argument", "name a connection"),
        ):
            with self.subTest(words):
                ended = await self.syncline("explain", *words, "--json")
                self.assertEqual(ended.code, 2, ended.out)
                self.assertEqual(ended.json()["error"]["code"], code)
                self.assertIn(what, ended.json()["error"]["what"])
        unknown = await self.syncline("explain", "nowhere", "a/u1")
        self.assertIn("the connections are `audiences`", unknown.err)
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
