#!/usr/bin/python3
"""Dead letters: found, looked at, mended, replayed, given up."""

from __future__ import annotations

import json
import os
import pty
import signal
import unittest
from typing import Any

from support import KEY, Ended, HubTest, RunningHub, call, dmp


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
        self.assertTrue(listed.out.startswith(f"{letter_id}  20"), listed.out)
        self.assertIn("  connection audiences  key a/u1  attempts 1  class permanent\n", listed.out)
        self.assertIn("\n    this user is blocked\n", listed.out)
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

    async def test_a_record_that_was_edited_goes_out_after_a_kill(self) -> None:
        hub = await self.start()
        letter_id, other_id = await self.die(hub, "u1", "u2")
        ended = await self.syncline("dlq", "edit", letter_id, stdin='{"audience": "a",\n "user": "u7"}\n')
        self.assertEqual((ended.code, ended.err), (0, ""))
        self.assertEqual(ended.out, f"edited; `syncline dlq replay {letter_id}` sends it\n")
        file = self.folder / "body.json"
        file.write_text('{"audience":"a","user":"u8"}', encoding="utf-8")
        self.assertEqual(await self.result("dlq", "edit", letter_id, "--file", str(file)), {"edited": True})
        await hub.child.end(signal.SIGKILL)

        hub = await self.start()
        self.assertEqual([letter["edited"] for letter in await self.letters()], [True, False])
        listed = (await self.syncline("dlq", "list")).out
        self.assertEqual(listed.count("  class permanent  edited\n"), 1, listed)
        shown = await self.result("dlq", "show", letter_id)
        self.assertEqual(shown["record"]["body"], '{"audience":"a","user":"u1","customer":123}')
        self.assertEqual(shown["record"]["edited_body"], '{"audience":"a","user":"u8"}')
        text = (await self.syncline("dlq", "show", letter_id)).out
        self.assertIn('\n  edited_body: {"audience":"a","user":"u8"}\n', text)

        self.assertEqual(await self.result("dlq", "replay", letter_id), {"done": [letter_id]})
        await hub.child.end(signal.SIGKILL)
        hub = await self.start()
        ledger = await self.settled()
        self.assertEqual((ledger["connection"]["delivered"], ledger["connection"]["dead"]), (1, 1))
        self.assertTrue(ledger["balanced"])
        self.assertEqual(await self.members(), ["u8"])
        self.assertEqual([letter["id"] for letter in await self.letters()], [other_id])
        text = (await self.syncline("explain", "audiences", "a/u1")).out
        words = [f"dead letter {letter_id} was edited by command: {size} bytes\n" for size in (28, 28)]
        places = [text.index(words[0]), text.rindex(words[1]), text.index(f"letter {letter_id} was replayed")]
        self.assertEqual(places, sorted(set(places)), text)
        await self.stop(hub)

    async def in_editor(self, letter_id: str, script: str, *words: str) -> Ended:
        """`dlq edit` on a terminal; the editor is a script that gets the file as its argument."""
        editor = self.folder / "editor with a name.sh"
        editor.write_text(script, encoding="utf-8")
        terminal, end = pty.openpty()
        try:
            private = {"VISUAL": "", "EDITOR": f"sh '{editor}'" if script else "", "TMPDIR": str(self.temporary)}
            return await self.syncline("dlq", "edit", letter_id, *words, environment=private, stdin=end)
        finally:
            os.close(end)
            os.close(terminal)

    async def test_on_a_terminal_the_body_is_opened_in_an_editor(self) -> None:
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        hub = await self.start()
        (letter_id,) = await self.die(hub, "u1")
        seen = self.folder / "seen"
        look = f'stat -c %a "$1" "$(dirname "$1")" > "{seen}"; cat "$1" >> "{seen}"; touch "$1~"\n'
        ended = await self.in_editor(letter_id, look)
        self.assertEqual((ended.code, ended.out), (0, "unchanged, nothing was done\n"), ended.err)
        pretty = '{\n  "audience": "a",\n  "user": "u1",\n  "customer": 123\n}\n'
        self.assertEqual(seen.read_text(encoding="utf-8"), "600\n700\n" + pretty)
        self.assertFalse((await self.letters())[0]["edited"])

        ended = await self.in_editor(letter_id, 'sed -i s/u1/u5/ "$1"\n')
        self.assertEqual(ended.code, 0, ended.err)
        ended = await self.in_editor(letter_id, look)  # begins with what was edited
        self.assertIn('"user": "u5"', seen.read_text(encoding="utf-8"))
        for script, code in (
            ("exit 3\n", "app.editor_failed"),
            ('echo "{" > "$1"\n', "admin.body_invalid"),
            ("", "app.bad_argument"),
        ):
            with self.subTest(script):
                ended = await self.in_editor(letter_id, script, "--json")
                self.assertEqual((ended.code, ended.json()["error"]["code"]), (2, code))
        self.assertEqual(list(self.temporary.iterdir()), [])
        shown = await self.result("dlq", "show", letter_id)
        self.assertEqual(json.loads(shown["record"]["edited_body"])["user"], "u5")
        await self.stop(hub)

    async def test_what_can_not_be_edited_says_why_and_what_to_do(self) -> None:
        hub = await self.start()
        (letter_id,) = await self.die(hub, "u1")
        body = b"no JSON"
        await self.post(hub, body, {"X-HMAC": dmp.sign(KEY, body)})
        await self.until("dead", lambda found: found["route"].get("dead") == 1)
        event_id = (await self.letters())[1]["id"]
        missing = str(self.folder / "nowhere.json")
        for words, text, code, what in (
            ((letter_id,), "", "admin.body_invalid", "line 1, column 1"),
            ((letter_id,), "{'a': 1}", "admin.body_invalid", "line 1, column 2"),
            ((letter_id,), "[1, 2]", "admin.body_invalid", "not a JSON object"),
            ((letter_id, "--file", missing), "{}", "app.input_unreadable", "nowhere.json"),
            ((event_id,), "{}", "store.letter_not_editable", "whole request"),
            (("9.9",), "{}", "store.no_such_letter", "there is no dead letter 9.9"),
            (("nine",), "{}", "app.bad_argument", "`nine`"),
        ):
            with self.subTest(code=code, words=words):
                ended = await self.syncline("dlq", "edit", *words, "--json", stdin=text)
                error = ended.json()["error"]
                self.assertEqual((ended.code, error["code"]), (2, code))
                self.assertIn(what, error["what"])
                self.assertTrue(error["remedy"])
        self.assertEqual([letter.get("edited") for letter in await self.letters()], [False, None])
        large = '{"audience":"a","user":"' + "x" * (16 * 1024 * 1024) + '"}'
        ended = await self.syncline("dlq", "edit", letter_id, "--json", stdin=large)
        self.assertEqual(ended.json()["error"]["code"], "admin.body_invalid")
        await self.stop(hub)
        ended = await self.syncline("dlq", "edit", letter_id, "--json", stdin="{}")
        self.assertEqual((ended.code, ended.json()["error"]["code"]), (1, "app.hub_unreachable"))

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
