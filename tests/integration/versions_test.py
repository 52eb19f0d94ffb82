#!/usr/bin/python3
"""Versions of connectors as an operator handles them: installed, on trial, taken back, rolled back, removed. What is
sent meanwhile arrives."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import unittest
from pathlib import Path
from typing import Any

from support import BINARY, WAIT_S, Ended, HubTest, RunningHub
from syncline_tools.http_load import HttpConnection

CHAOS = Path(os.environ["SYNCLINE_CHAOS"])  # a folder: versions of the connector `chaos`
CONNECTORS = BINARY.resolve().parent.parent / "connectors"
OPERATION_MS = 500
CONFIG = """\
version: 1
hub:
  data_dir: ./data
  connectors_dir: ./connectors
  listen: 127.0.0.1:0
{trial}
accounts:
  shop: {{ connector: webhook, settings: {{ key: /id }} }}
  sink: {{ connector: chaos }}
connections:
  things:
    from: {{ account: shop, stream: records }}
    to: {{ account: sink, stream: things }}
    triggers:
      webhook: {{ name: shop, verify: none }}
    deliver: {{ batch_records: 1, batch_wait_ms: 0, concurrency: 1, timeout_ms: {timeout},
               retry_base_ms: 20, retry_max_ms: 50 }}
"""


class VersionsTest(HubTest):
    def use(self, trial: str = "") -> None:
        """The configuration, and the first version of chaos."""
        for file in self.setup.connectors_dir.iterdir():
            file.unlink()
        shutil.copy(CONNECTORS / "webhook.so", self.setup.connectors_dir)
        shutil.copy(CHAOS / "chaos.so", self.setup.connectors_dir)
        section = f"  trial: {{ {trial} }}" if trial else ""
        self.setup.config.write_text(
            CONFIG.format(trial=section, timeout=OPERATION_MS), encoding="utf-8"
        )

    async def install(self, name: str, *words: str) -> Ended:
        return await self.syncline("connectors", "install", str(CHAOS / f"{name}.so"), *words)

    async def chaos(self) -> dict[str, Any]:
        """What the running hub says of it."""
        listed = (await self.result("connectors", "list"))["connectors"]
        found: dict[str, Any] = next(each for each in listed if each["id"] == "chaos")["running"]
        return found

    async def until_chaos(self, what: str, holds: Any) -> dict[str, Any]:
        give_up = asyncio.get_running_loop().time() + WAIT_S
        while True:
            chaos = await self.chaos()
            if holds(chaos):
                return chaos
            self.assertLess(asyncio.get_running_loop().time(), give_up, f"{what}: {chaos}")
            await asyncio.sleep(0.1)

    def refused(self, ended: Ended, code: str) -> None:
        self.assertEqual(ended.code, 2, ended.out + ended.err)
        self.assertIn(code, ended.err)

    async def post_all(self, hub: RunningHub, begin: int, end: int) -> None:
        connection = HttpConnection("127.0.0.1", hub.port)
        for number in range(begin, end):
            body = json.dumps({"id": f"u{number % 50}", "n": number}).encode()
            answer = await connection.request(
                "POST", "/hooks/shop", body, {"Content-Type": "application/json"}, WAIT_S
            )
            self.assertEqual(answer.status, 202)
        connection.close()

    async def delivered(self, count: int) -> None:
        """All of it has arrived, and nothing is a dead letter."""
        give_up = asyncio.get_running_loop().time() + 2 * WAIT_S
        while True:
            status = await self.result("status")
            things = status["ledger"]["connections"]["things"]
            if things["delivered"] == count and not things["pending"]:
                break
            self.assertEqual(things["dead"], 0, status)
            self.assertLess(asyncio.get_running_loop().time(), give_up, things)
            await asyncio.sleep(0.1)
        self.assertTrue(status["ledger"]["balanced"])

    async def test_an_operator_installs_goes_back_and_removes(self) -> None:
        self.use()
        hub = await self.start()
        first = await self.chaos()
        self.assertEqual((first["version"], first["state"]), ("1.0.0", "serving"))
        installed = await self.install("chaos_2")
        self.assertEqual(installed.code, 0, installed.err)
        self.assertIn("chaos 2.0.0 is in service", installed.out)
        self.assertEqual((await self.install("chaos_2")).code, 0)  # again: nothing to do
        chaos = await self.chaos()
        self.assertEqual(chaos["version"], "2.0.0")
        self.assertEqual(chaos["previous"]["version"], "1.0.0")
        self.assertGreater(chaos["generation"], first["generation"])

        before = (self.setup.connectors_dir / "chaos.so").read_bytes()
        self.refused(await self.install("bad_init"), "plugin.")
        self.assertEqual((self.setup.connectors_dir / "chaos.so").read_bytes(), before)
        self.refused(await self.install("no_note"), "plugin.not_a_connector")

        back = await self.syncline("connectors", "rollback", "chaos")
        self.assertEqual(back.code, 0, back.err)
        self.assertIn("chaos 1.0.0 serves", back.out)
        self.assertEqual((await self.chaos())["state"], "rolled_back")
        self.refused(await self.syncline("connectors", "rollback", "chaos"), "plugin.no_previous")
        self.refused(await self.syncline("connectors", "rollback", "nobody"), "admin.not_found")
        self.refused(await self.install("chaos_2"), "plugin.quarantined")

        await self.stop(hub)
        hub = await self.start()
        self.assertEqual((await self.chaos())["version"], "1.0.0")
        text = (await self.syncline("connectors", "list")).out
        self.assertIn("in service: 1.0.0", text)
        self.assertIn("rolled back by the operator", text)
        await self.post_all(hub, 0, 20)
        await self.delivered(20)
        forced = await self.install("chaos_2", "--force")
        self.assertIn("chaos 2.0.0 is in service", forced.out, forced.err)

        used = await self.syncline("connectors", "remove", "chaos")
        self.refused(used, "plugin.in_use")
        self.assertIn("sink", used.err)
        unused = await self.syncline("connectors", "install", str(CHAOS / "polite.so"))
        self.assertIn("no account uses it", unused.out, unused.err)
        removed = await self.syncline("connectors", "remove", "polite")
        self.assertEqual(removed.code, 0, removed.err)
        self.assertEqual(list(self.setup.connectors_dir.glob("polite*")), [])
        await self.stop(hub)

    async def test_a_file_that_could_not_be_put_back_is_not_replaced(self) -> None:
        self.use()
        hub = await self.start()
        file = self.setup.connectors_dir / "chaos.so"
        before = file.read_bytes()
        os.link(file, self.folder / "elsewhere.so")  # which nobody reads: it can change there
        ended = await self.install("bad_init")
        self.assertEqual(ended.code, 3, ended.out + ended.err)
        self.assertIn("plugin.file_untrusted", ended.err)
        self.assertEqual(file.read_bytes(), before)
        await self.stop(hub)

    async def test_without_a_hub_nothing_is_installed(self) -> None:
        self.use()
        ended = await self.install("chaos_2")
        self.assertEqual(ended.code, 1)
        self.assertIn("app.hub_unreachable", ended.err)
        self.assertEqual(
            (self.setup.connectors_dir / "chaos.so").read_bytes(), (CHAOS / "chaos.so").read_bytes()
        )

    async def taken_back(self, name: str, why: str) -> None:
        """Under load; it does not come back at a restart."""
        self.use("share_percent: 50, period_ms: 60000")
        hub = await self.start()
        await self.post_all(hub, 0, 100)
        installed = await self.install(name)
        self.assertEqual(installed.code, 0, installed.err)
        self.assertIn("chaos 2.0.0 is on trial with 50 % of the keys", installed.out)
        self.assertEqual((await self.chaos())["state"], "on_trial")
        await self.post_all(hub, 100, 300)
        chaos = await self.until_chaos("taken back", lambda each: "trial" not in each)
        self.assertEqual((chaos["version"], chaos["state"]), ("1.0.0", "rolled_back"))
        self.assertIn(why, chaos["quarantined"][0]["why"])
        await self.delivered(300)
        await self.stop(hub)
        hub = await self.start()
        chaos = await self.chaos()
        self.assertEqual((chaos["version"], chaos["state"]), ("1.0.0", "rolled_back"))
        await self.post_all(hub, 300, 320)
        await self.delivered(320)
        await self.stop(hub)

    async def test_a_version_that_refuses_is_taken_back(self) -> None:
        """[B17]"""
        await self.taken_back("chaos_refuses", "it failed with")

    async def test_a_version_that_throws_is_taken_back(self) -> None:
        """[B17]"""
        await self.taken_back("chaos_throws", "it failed with")

    async def test_a_version_that_does_not_end_its_calls_is_taken_back(self) -> None:
        """[B4] [B17]"""
        await self.taken_back("chaos_never", "did not end in time")

    async def test_the_version_in_service_ends_the_trial_of_another(self) -> None:
        self.use("share_percent: 50, period_ms: 60000")
        hub = await self.start()
        self.assertIn("on trial", (await self.install("chaos_2")).out)
        again = await self.install("chaos")
        self.assertIn("chaos 1.0.0 is in service", again.out, again.err)
        self.assertNotIn("trial", await self.chaos())
        await self.stop(hub)

    async def test_a_version_that_does_well_takes_over(self) -> None:
        self.use("share_percent: 50, period_ms: 1000")
        hub = await self.start()
        installed = await self.install("chaos_2")
        self.assertIn("on trial", installed.out, installed.err)
        await self.post_all(hub, 0, 100)
        chaos = await self.until_chaos("in service", lambda each: each["version"] == "2.0.0")
        self.assertEqual(chaos["state"], "serving")
        await self.post_all(hub, 100, 200)
        await self.delivered(200)
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
