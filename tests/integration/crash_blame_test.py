#!/usr/bin/python3
"""A connector ends the hub's process: the next start names it and sets the message aside, everything else is
delivered, and the hub does not die of the same message again."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import time
import unittest
from pathlib import Path
from typing import Any

from support import WAIT_S, HubTest, RunningHub

MORTAL = Path(os.environ["SYNCLINE_MORTAL"])
BACK_S = 2.0  # from the end of the process until the next one serves
CONFIG = """\
version: 1
hub:
  data_dir: {data}
  connectors_dir: {connectors}
  listen: 127.0.0.1:0
accounts:
  lines: {{ connector: mortal, settings: {{ path: ./lines.jsonl }} }}
connections:
  lines:
    from: {{ account: lines, stream: lines }}
    to: {{ account: lines, stream: lines }}
    triggers:
      webhook: {{ name: lines, verify: none }}
    deliver: {{ batch_wait_ms: 1, retry_base_ms: 10, retry_max_ms: 20 }}
"""


class CrashBlameTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        for other in self.setup.connectors_dir.iterdir():
            other.unlink()
        shutil.copy(MORTAL, self.setup.connectors_dir / "mortal.so")
        text = CONFIG.format(data=self.setup.data_dir, connectors=self.setup.connectors_dir)
        self.setup.config.write_text(text, encoding="utf-8")
        self.file = self.folder / "lines.jsonl"
        self.backs_s: list[float] = []

    async def tell(self, hub: RunningHub, body: dict[str, Any]) -> None:
        answer = await self.post(hub, json.dumps(body).encode(), {}, "/hooks/lines")
        self.assertEqual(answer.status, 202, answer.body)

    def drop(self, version: str, habit: str) -> None:
        """Another version of it, made from its bytes."""
        content = MORTAL.read_bytes()
        for old, new in ((b'"version": "1.0.0"', b'"version": "%s"' % version.encode()),
                         (b"always:nothing  ", b"always:" + habit.encode().ljust(9))):  # fmt: skip
            self.assertNotEqual(content.count(old), 0, old)
            content = content.replace(old, new)
        temporary = self.setup.connectors_dir / ".mortal.so.tmp"
        temporary.write_bytes(content)
        temporary.rename(self.setup.connectors_dir / "mortal.so")

    async def logged(self, hub: RunningHub, *words: str) -> str:
        """The line of the log with all the words, when it is there."""
        give_up = time.monotonic() + WAIT_S
        while True:
            text = hub.child.err_path.read_text(encoding="utf-8", errors="replace")
            for line in text.splitlines():
                if all(word in line for word in words):
                    return line
            self.assertLess(time.monotonic(), give_up, text[-4000:])
            await asyncio.sleep(0.05)

    async def back_after_death(self, hub: RunningHub) -> RunningHub:
        """As whatever supervises the hub would do it."""
        async with asyncio.timeout(WAIT_S):
            await hub.child.process.wait()
        died = time.monotonic()
        again = await self.start()
        self.backs_s.append(time.monotonic() - died)
        return again

    async def lives_on(self, delivered: int, dead: int) -> Any:
        def is_over(ledger: Any) -> bool:
            counted = ledger["connections"].get("lines", {})
            return (counted.get("delivered", 0), counted.get("dead", 0)) == (delivered, dead)

        ledger = await self.until(f"{delivered} delivered, {dead} dead", is_over)
        self.assertTrue(ledger["balanced"])
        return ledger

    def written(self) -> set[str]:
        text = self.file.read_text(encoding="utf-8") if self.file.exists() else ""
        return {json.loads(line)["id"] for line in text.splitlines()}

    async def die_and_live(self, way: str, deaths: int = 1) -> None:
        """One deadly record among others."""
        with self.subTest(way=way):
            hub = await self.start()
            before = (await self.setup.ledger())["connections"].get("lines", {})
            delivered, dead = before.get("delivered", 0), before.get("dead", 0)
            await self.tell(hub, {"id": f"{way}-first"})
            await self.lives_on(delivered + 1, dead)
            await self.tell(hub, {"id": f"{way}-deadly", "written": f":{way}"})
            for _ in range(deaths):
                hub = await self.back_after_death(hub)
            await self.tell(hub, {"id": f"{way}-last"})
            await self.lives_on(delivered + 2, dead + 1)
            self.assertLessEqual({f"{way}-first", f"{way}-last"}, self.written())
            letters = (await self.result("dlq", "list"))["letters"]
            self.assertEqual(letters[-1]["code"], "plugin.crashed", letters[-1])
            self.assertIn("mortal 1.0.0", letters[-1]["message"])
            await self.stop(hub)

    async def test_every_way_to_end_the_process(self) -> None:
        """[B2] [B3]"""
        for way in ("segv", "null", "abort", "stack", "exit", "quick", "pthread"):
            await self.die_and_live(way)
        print(f"back after {max(self.backs_s) * 1000:.0f} ms at most")
        self.assertLess(max(self.backs_s), BACK_S)

    async def test_what_leaves_no_trace_is_set_aside_after_the_third_time(self) -> None:
        for way in ("silent", "kill"):
            await self.die_and_live(way, deaths=3)

    async def test_in_a_batch_all_records_are_set_aside_and_can_be_replayed_alone(self) -> None:
        hub = await self.start()
        await self.tell(hub, {"id": "deadly", "resumed": ":abort"})
        hub = await self.back_after_death(hub)
        await self.lives_on(0, 1)
        # What ends the process stays as it is: the replay goes to the connector, which dies again.
        letter = (await self.result("dlq", "list"))["letters"][0]["id"]
        await self.result("dlq", "replay", str(letter))
        hub = await self.back_after_death(hub)
        ledger = await self.until(
            "it is set aside again", lambda ledger: ledger["connections"]["lines"].get("dead") == 1
        )
        self.assertTrue(ledger["balanced"])
        await self.stop(hub)

    async def test_an_event_that_is_translated(self) -> None:
        hub = await self.start()
        await self.tell(hub, {"id": "deadly", "translated": ":segv"})
        hub = await self.back_after_death(hub)
        await self.tell(hub, {"id": "harmless"})
        await self.lives_on(1, 0)
        letters = (await self.result("dlq", "list"))["letters"]
        self.assertEqual([letter["code"] for letter in letters], ["plugin.crashed"])
        await self.stop(hub)

    async def test_a_version_that_dies_of_its_first_batch_is_taken_back(self) -> None:
        """[B17]"""
        hub = await self.start()
        await self.tell(hub, {"id": "before"})
        await self.lives_on(1, 0)
        self.drop(version="1.0.1", habit="segv")
        await self.logged(hub, "a new version of a connector serves", "1.0.1")
        await self.tell(hub, {"id": "deadly"})
        hub = await self.back_after_death(hub)
        self.assertLess(self.backs_s[-1], BACK_S)
        await self.tell(hub, {"id": "after"})
        await self.lives_on(2, 1)
        for _ in range(2):
            listed = (await self.result("connectors", "list"))["connectors"]
            mortal = next(each for each in listed if each["id"] == "mortal")["running"]
            self.assertEqual(mortal["version"], "1.0.0")
            self.assertEqual([each["version"] for each in mortal["quarantined"]], ["1.0.1"])
            self.assertIn("SIGSEGV", mortal["quarantined"][0]["why"])
            # Its file still lies in the directory.
            await self.stop(hub)
            hub = await self.start()
        # The message was innocent: the version that serves takes it.
        letter = (await self.result("dlq", "list"))["letters"][0]["id"]
        await self.result("dlq", "replay", str(letter))
        await self.lives_on(3, 0)
        self.assertEqual(self.written(), {"before", "after", "deadly"})
        await self.stop(hub)

    async def test_a_version_that_changes_the_process_does_not_serve(self) -> None:
        """[B11]"""
        hub = await self.start()
        for habit, word in (("umask", "the umask"), ("handler", "signal")):
            self.drop(version="1.0.1", habit=habit)
            line = await self.logged(hub, "is refused; ", word)
            self.assertIn("plugin.probe_failed", line)
        await self.tell(hub, {"id": "first"})
        await self.lives_on(1, 0)
        await self.stop(hub)

    async def test_what_a_connector_has_left_for_the_end_is_not_run(self) -> None:
        """[B24]"""
        hub = await self.start()
        await self.tell(hub, {"id": "last", "written": ":grave"})
        await self.lives_on(1, 0)
        await self.stop(hub)  # with 0

    async def test_whoever_stops_the_hub_blames_nobody(self) -> None:
        hub = await self.start()
        for i in range(5):
            await self.tell(hub, {"id": f"k{i}"})
            await hub.child.end(9)
            hub = await self.start()
        await self.lives_on(5, 0)
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
