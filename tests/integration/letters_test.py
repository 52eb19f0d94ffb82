#!/usr/bin/python3
"""Dead letters: found, looked at, mended, replayed, given up."""

from __future__ import annotations

import json
import signal
import unittest
from typing import Any

from support import KEY, HubTest, RunningHub, call, dmp


class LettersTest(HubTest):
    async def reject(self, *users: str) -> None:
        """From now on Pangolin refuses these users and no others."""
        error = {"code": "blocked", "message": "this user is blocked", "retryable": False}
        faults = {"reject_users": {user: error for user in users}}
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", faults)

    async def letters(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.result("dlq", "list"))["letters"]
        return found

    async def die(self, hub: RunningHub, *users: str) -> list[str]:
        """Sends users that Pangolin refuses; the ids of their letters."""
        await self.reject(*users)
        before = {letter["id"] for letter in await self.letters()}
        self.assertEqual((await self.send(hub, users)).status, 200)
        await self.settled()
        return [letter["id"] for letter in await self.letters() if letter["id"] not in before]

    async def test_a_letter_says_what_failed_and_why(self) -> None:
        hub = await self.start()
        (letter_id,) = await self.die(hub, "u1")
        listed = await self.syncline("dlq", "list")
        self.assertIn(f"{letter_id}  ", listed.out)
        self.assertIn("audiences  permanent  key a/u1  ", listed.out)
        self.assertTrue(listed.out.endswith("\n1 dead letter\n"), listed.out)
        shown = await self.result("dlq", "show", letter_id)
        self.assertEqual(shown["record"]["body"], '{"audience":"a","user":"u1","customer":123}')
        self.assertEqual((shown["code"], shown["attempts"]), ("blocked", 1))
        self.assertIn("blocked", shown["message"])
        answer = shown["answer"]
        self.assertEqual(
            answer["request"], f"POST http://127.0.0.1:{self.pangolin_port}/v1/memberships"
        )
        self.assertEqual((answer["status"], answer["content_type"]), (200, "application/json"))
        error = {"code": "blocked", "message": "this user is blocked", "retryable": False}
        self.assertEqual(json.loads(answer["body"]), {"results": [{"index": 0, "error": error}]})
        self.assertEqual(answer["body_bytes"], len(answer["body"]))
        text = await self.syncline("dlq", "show", letter_id)
        self.assertIn("  operation: upsert", text.out)
        self.assertIn("\nthe platform answered\n  request: POST http://127.0.0.1:", text.out)
        self.assertIn(f"\n  status: 200\n  content_type: application/json\n  body: {answer['body']}\n", text.out)
        await self.stop(hub)

    async def test_a_replay_goes_out_when_the_platform_is_mended(self) -> None:
        hub = await self.start()
        ids = await self.die(hub, "u1", "u2", "u3")
        await self.reject()
        text = await self.syncline("dlq", "replay", ids[0])
        self.assertEqual((text.code, text.out), (0, "1 replayed\n"))
        self.assertEqual(len(await self.letters()), 2)  # what was answered has been done
        ledger = await self.settled()
        self.assertEqual((ledger["connection"]["delivered"], ledger["connection"]["dead"]), (1, 2))
        discarded = await self.result("dlq", "discard", ids[1])
        self.assertEqual(discarded, {"done": [ids[1]]})
        self.assertEqual(await self.result("dlq", "replay", "--all"), {"done": [ids[2]]})
        self.assertEqual(await self.letters(), [])
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["delivered"], 2)
        self.assertEqual(ledger["connection"]["discarded"], 1)
        self.assertTrue(ledger["balanced"])
        self.assertEqual(len(await self.members()), 2)
        await self.stop(hub)

    async def test_a_letter_that_is_gone_is_an_error(self) -> None:
        hub = await self.start()
        (letter_id,) = await self.die(hub, "u1")
        await self.result("dlq", "discard", letter_id)
        for verb, code in (
            ("show", "admin.not_found"),
            ("replay", "store.no_such_letter"),
            ("discard", "store.no_such_letter"),
        ):
            with self.subTest(verb):
                ended = await self.syncline("dlq", verb, letter_id, "--json")
                self.assertEqual(ended.code, 2)
                self.assertEqual(ended.json()["error"]["code"], code)
        await self.stop(hub)

    async def test_an_older_letter_does_not_overwrite_unless_it_is_forced(self) -> None:
        hub = await self.start()
        ids = await self.die(hub, "u1")
        await self.reject()
        remove = dmp.Batch("a", False, ["u1"]).body("B")
        self.assertEqual(
            (await self.post(hub, remove, {"X-HMAC": dmp.sign(KEY, remove)})).status, 200
        )
        await self.settled()
        await self.result("dlq", "replay", ids[0])
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["superseded"], 1)
        self.assertEqual(await self.members(), [])

        ids = await self.die(hub, "u2")
        await self.reject()
        remove = dmp.Batch("a", False, ["u2"]).body("B")
        await self.post(hub, remove, {"X-HMAC": dmp.sign(KEY, remove)})
        await self.settled()
        await self.result("dlq", "replay", ids[0], "--force")
        await self.settled()
        self.assertEqual(await self.members(), ["u2"])
        await self.stop(hub)

    async def test_an_event_that_nobody_understands_is_kept_whatever_its_bytes(self) -> None:
        hub = await self.start()
        body = b'{"Type":"ADD\xff\xfe'
        answer = await self.post(hub, body, {"X-HMAC": dmp.sign(KEY, body), "X-Odd": "\xe9"})
        self.assertEqual(answer.status, 200)
        ledger = await self.until("dead", lambda found: found["route"].get("dead") == 1)
        self.assertTrue(ledger["balanced"])
        (letter,) = await self.letters()
        self.assertEqual((letter["kind"], letter["route"]), ("event", "acme-dmp"))
        shown = await self.result("dlq", "show", letter["id"])
        self.assertEqual(shown["event"]["body"], '{"Type":"ADD\ufffd\ufffd')
        self.assertNotIn("x-hmac", shown["event"]["headers"])
        await self.stop(hub)

    async def test_a_mapping_is_mended_after_a_kill_and_the_letters_replayed(self) -> None:
        self.edit("user: .user", "user: .user + 1")
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1", "u2"])).status, 200)
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["dead"], 2)
        letter = (await self.letters())[0]
        self.assertEqual((letter["class"], letter["code"]), ("mapping", "pipeline.mapping_failed"))
        lines = self.setup.config.read_text(encoding="utf-8").splitlines()
        line = next(n for n, text in enumerate(lines, 1) if "user: .user + 1" in text)
        self.assertIn(f"syncline.yaml:{line}:", letter["message"])
        await hub.child.end(signal.SIGKILL)

        self.edit("user: .user + 1", "user: .user")
        hub = await self.start()
        self.assertEqual(len((await self.result("dlq", "replay", "--all"))["done"]), 2)
        ledger = await self.settled()
        self.assertEqual((ledger["connection"]["delivered"], ledger["connection"]["dead"]), (2, 0))
        self.assertEqual(await self.members(), ["u1", "u2"])
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
