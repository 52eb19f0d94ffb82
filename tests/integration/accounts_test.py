#!/usr/bin/python3
"""What a platform is asked of an account, and what a version hands to the next one: a new version that finds
credentials bad, or what is handed over garbled, does not come into service."""

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
from syncline_tools.http_service import HttpService, Reply, Request

ASKER = Path(os.environ["SYNCLINE_ASKER"])
ASKER_YOU = Path(os.environ["SYNCLINE_ASKER_YOU"])  # version 2.0.0, which asks for other credentials
STEWARDS = Path(os.environ["SYNCLINE_STEWARD"]).parent
JSONL = Path(os.environ["SYNCLINE_HUB"]).resolve().parent.parent / "connectors/jsonl.so"

CONFIG = """\
version: 1
hub:
  data_dir: {data}
  connectors_dir: {connectors}
  listen: 127.0.0.1:0
accounts:
  shop: {{ connector: asker, settings: {{ base_url: "http://127.0.0.1:{port}" }} }}
  file: {{ connector: jsonl, settings: {{ path: ./things.jsonl }} }}
connections:
  things:
    from: {{ account: shop, stream: things }}
    to: {{ account: file, stream: records }}
    triggers: {{ webhook: {{ name: shop, verify: none }} }}
"""


class AccountsTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.statuses = {"/me": 200, "/you": 401}
        self.service = HttpService(self.handle)
        await self.service.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.service.stop)
        shutil.copy(ASKER, self.setup.connectors_dir / "asker.so")
        shutil.copy(JSONL, self.setup.connectors_dir / "jsonl.so")
        self.setup.config.write_text(
            CONFIG.format(
                data=self.setup.data_dir, connectors=self.setup.connectors_dir, port=self.service.port
            ),
            encoding="utf-8",
        )  # fmt: skip

    def handle(self, request: Request) -> Reply:
        if request.path == "/streams":
            return Reply(200, b'["orders"]')
        return Reply(self.statuses[request.path], b"{}")

    async def refusals(self, hub: RunningHub, count: int) -> list[str]:
        """What the log says of versions that did not come into service, once it says so this often."""
        give_up = time.monotonic() + WAIT_S
        while time.monotonic() < give_up:
            text = hub.child.err_path.read_text(encoding="utf-8", errors="replace")
            lines = [line for line in text.splitlines() if "plugin.check_failed" in line]
            if len(lines) >= count:
                return lines
            await asyncio.sleep(0.05)
        self.fail(f"not {count} versions were refused")

    def drop(self, library: Path) -> None:
        temporary = self.setup.connectors_dir / ".asker.so.tmp"
        shutil.copy(library, temporary)
        temporary.rename(self.setup.connectors_dir / "asker.so")

    async def event(self, hub: RunningHub) -> None:
        answer = await self.post(hub, b"{}", {}, "/hooks/shop")
        self.assertEqual(answer.status, 202)

    async def versions(self, count: int) -> list[str]:
        """Which versions translated what came, by the keys of its records."""

        def holds(ledger: Any) -> bool:
            counters = ledger["connections"].get("things", {})
            return sum(counters.get(end, 0) for end in ("delivered", "unchanged")) >= count

        await self.until("everything is in the file", holds)
        text = (self.folder / "things.jsonl").read_text(encoding="utf-8")
        return sorted({json.loads(line)["key"] for line in text.splitlines()})

    async def test_the_platform_is_asked_for_credentials_and_streams(self) -> None:
        hub = await self.start()
        self.assertEqual(await self.result("accounts", "check", "shop"), {"account": "shop", "credentials": "good"})
        found = await self.result("accounts", "discover", "shop")
        self.assertEqual([stream["name"] for stream in found["streams"]], ["orders"])
        ended = await self.syncline("accounts", "discover", "shop")
        self.assertEqual((ended.code, ended.out), (0, "orders\n  id (string, key)\nshop has 1 stream\n"))

        self.statuses["/me"] = 401
        ended = await self.syncline("accounts", "check", "shop")
        self.assertEqual(ended.code, 1, ended.err)
        self.assertIn("app.platform_refuses", ended.err)
        self.assertIn("the platform answered 401", ended.err)
        for words, code in (
            (("check", "file"), "app.not_supported"),
            (("discover", "file"), "app.not_supported"),
            (("check", "nobody"), "admin.not_found"),
        ):
            ended = await self.syncline("accounts", *words)
            self.assertEqual(ended.code, 2, ended.err)
            self.assertIn(code, ended.err)
        await self.stop(hub)

    async def test_a_version_that_finds_the_credentials_bad_does_not_come_into_service(self) -> None:
        hub = await self.start()
        await self.event(hub)
        self.drop(ASKER_YOU)
        refused = await self.refusals(hub, 1)
        self.assertIn("account shop", refused[0])
        await self.event(hub)
        self.assertEqual(await self.versions(2), ["1.0.0"])

        self.statuses["/you"] = 200
        self.drop(ASKER)
        self.drop(ASKER_YOU)  # written anew, so it is tried again
        give_up = time.monotonic() + WAIT_S
        while "2.0.0" not in await self.versions(2) and time.monotonic() < give_up:
            await self.event(hub)
            await asyncio.sleep(0.05)
        self.assertEqual(await self.versions(2), ["1.0.0", "2.0.0"])
        await self.stop(hub)



STEWARD_CONFIG = """\
version: 1
hub:
  data_dir: {data}
  connectors_dir: {connectors}
  listen: 127.0.0.1:0
accounts:
  shop:
    connector: steward
    settings: {{ name: Ann, base_url: "http://127.0.0.1:{port}" }}
    secrets: {{ key: "a key that signs" }}
  file: {{ connector: jsonl, settings: {{ path: ./things.jsonl }} }}
connections:
  things:
    from: {{ account: shop, stream: things }}
    to: {{ account: file, stream: records }}
    triggers: {{ webhook: {{ name: shop, verify: none }} }}
"""


class SuccessionTest(HubTest):
    """A connector that hands settings and state to its next version, works at times of its own, and signs."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.asked: list[tuple[str, str]] = []  # what was due, and the signature
        self.next_s = 0.5
        self.service = HttpService(self.handle)
        await self.service.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.service.stop)
        shutil.copy(JSONL, self.setup.connectors_dir / "jsonl.so")
        self.drop("steward")
        self.setup.config.write_text(
            STEWARD_CONFIG.format(
                data=self.setup.data_dir, connectors=self.setup.connectors_dir, port=self.service.port
            ),
            encoding="utf-8",
        )  # fmt: skip

    def handle(self, request: Request) -> Reply:
        self.asked.append((request.query["due"][0], request.headers.get("x-signature", "")))
        return Reply(200, str(time.time_ns() + int(self.next_s * 1e9)).encode())

    def drop(self, name: str) -> None:
        temporary = self.setup.connectors_dir / ".steward.so.tmp"
        shutil.copy(STEWARDS / f"{name}.so", temporary)
        temporary.rename(self.setup.connectors_dir / "steward.so")

    async def told(self, hub: RunningHub, words: str) -> None:
        give_up = time.monotonic() + WAIT_S
        while words not in hub.child.err_path.read_text(encoding="utf-8", errors="replace"):
            self.assertLess(time.monotonic(), give_up, words)
            await asyncio.sleep(0.05)

    async def event(self, hub: RunningHub, count: int) -> dict[str, Any]:
        """What the `count`-th event became: {"key": version, "record": {"title", "count"}}."""
        self.assertEqual((await self.post(hub, b"{}", {}, "/hooks/shop")).status, 202)
        file = self.folder / "things.jsonl"
        give_up = time.monotonic() + WAIT_S
        while not file.exists() or len(file.read_text(encoding="utf-8").splitlines()) < count:
            self.assertLess(time.monotonic(), give_up)
            await asyncio.sleep(0.02)
        line: dict[str, Any] = json.loads(file.read_text(encoding="utf-8").splitlines()[-1])
        return {"key": line["key"], **line["record"]}

    async def test_settings_and_state_go_over_and_garbled_state_keeps_a_version_out(self) -> None:
        hub = await self.start()
        self.assertEqual(await self.event(hub, 1), {"key": "1.0.0", "title": "Ann", "count": 1})
        self.drop("steward_garbled")
        await self.told(hub, "the count is garbled")
        self.assertEqual(await self.event(hub, 2), {"key": "1.0.0", "title": "Ann", "count": 2})
        self.drop("steward_unfit")
        await self.told(hub, "/heading: is not a known setting")
        self.assertEqual(await self.event(hub, 3), {"key": "1.0.0", "title": "Ann", "count": 3})
        self.drop("steward_2")
        await self.told(hub, "a new version of a connector serves")
        self.assertEqual(await self.event(hub, 4), {"key": "2.0.0", "title": "Ann", "count": 4})
        await self.stop(hub)
        self.assertEqual((await self.syncline("validate")).code, 0)
        hub = await self.start()  # with the settings of old
        self.assertEqual(await self.event(hub, 5), {"key": "2.0.0", "title": "Ann", "count": 1})
        await self.stop(hub)

    async def test_work_comes_when_it_is_due_and_goes_on_after_a_restart(self) -> None:
        hub = await self.start()
        await self.turns(2)
        self.next_s = 3600
        await self.turns(len(self.asked) + 1)
        due = [when for when, _ in self.asked]
        self.assertEqual((due[0], len(set(due))), ("first", len(due)))
        self.assertTrue(all(len(signature) == 64 for _, signature in self.asked), self.asked)
        await self.stop(hub)
        self.asked.clear()
        hub = await self.start()
        await self.event(hub, 1)
        self.assertEqual(self.asked, [])  # in an hour
        await self.stop(hub)

    async def turns(self, count: int) -> None:
        give_up = time.monotonic() + WAIT_S
        while len(self.asked) < count:
            self.assertLess(time.monotonic(), give_up)
            await asyncio.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
