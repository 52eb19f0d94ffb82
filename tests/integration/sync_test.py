#!/usr/bin/python3
"""`syncline sync`: a platform is read page by page into a file, through refusals, an expired cursor and a SIGKILL."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import unittest
from collections import Counter
from pathlib import Path
from typing import Any

from support import HubTest, RunningHub
from syncline_tools.http_service import HttpService, Reply, Request

LISTER = Path(os.environ["SYNCLINE_LISTER"])
JSONL = Path(os.environ["SYNCLINE_HUB"]).resolve().parent.parent / "connectors/jsonl.so"
PAGES, RECORDS = 40, 25  # of each page

CONFIG = """\
version: 1
hub:
  data_dir: {data}
  connectors_dir: {connectors}
  listen: 127.0.0.1:0
accounts:
  shop: {{ connector: lister, settings: {{ base_url: "http://127.0.0.1:{port}" }} }}
  file: {{ connector: jsonl, settings: {{ path: ./things.jsonl }} }}
connections:
  things:
    from: {{ account: shop, stream: things }}
    to: {{ account: file, stream: records }}
    deliver: {{ batch_wait_ms: 10, retry_base_ms: 10, retry_max_ms: 20, attempts_max: {attempts} }}
"""


class Shop:
    """A platform of PAGES pages. Cursors are numbers of pages."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.faults: dict[int, list[int]] = {}  # statuses to answer with, by page
        self.held: int | None = None  # from this page on nothing is answered
        self.version = 1
        self.service = HttpService(self.handle)

    def handle(self, request: Request) -> Reply:
        after = request.query.get("after", [""])[0]
        self.asked.append(after)
        page = int(after or 0)
        if self.held is not None and page >= self.held:
            return Reply(503, b"not now")
        if self.faults.get(page):
            return Reply(self.faults[page].pop(0), b"a fault")
        ids = range(page * RECORDS, (page + 1) * RECORDS)
        records = [{"id": f"t{number}", "version": self.version} for number in ids]
        answer = {"records": records, "next": str(page + 1), "more": page + 1 < PAGES}
        return Reply(200, json.dumps(answer).encode())


class SyncTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.shop = Shop()
        await self.shop.service.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.shop.service.stop)
        for connector in (LISTER, JSONL):
            shutil.copy(connector, self.setup.connectors_dir / connector.name.removeprefix("lib"))
        self.configure()

    def configure(self, attempts: int = 20) -> None:
        self.setup.config.write_text(
            CONFIG.format(
                data=self.setup.data_dir, connectors=self.setup.connectors_dir,
                port=self.shop.service.port, attempts=attempts,
            ),
            encoding="utf-8",
        )  # fmt: skip

    def lines(self) -> Counter[str]:
        """How often each key is in the file."""
        text = (self.folder / "things.jsonl").read_text(encoding="utf-8")
        return Counter(json.loads(line)["key"] for line in text.splitlines())

    async def drained(self, delivered: int) -> dict[str, Any]:
        def holds(ledger: Any) -> bool:
            counters = ledger["connections"].get("things", {})
            return not counters.get("pending") and counters.get("delivered", 0) >= delivered

        ledger = await self.until("everything is in the file", holds)
        self.assertTrue(ledger["balanced"])
        return dict(ledger["connections"]["things"])

    async def kill_within(self, hub: RunningHub) -> None:
        """Kills the hub while a run waits for its tenth page."""
        self.shop.held = 10
        reading = asyncio.create_task(self.syncline("sync", "things"))
        async with asyncio.timeout(30):
            while self.shop.asked.count("10") < 2:
                await asyncio.sleep(0.01)
        await hub.child.end(signal.SIGKILL)
        ended = await reading
        self.assertEqual(ended.code, 1, ended.err)
        self.shop.held = None
        self.shop.asked.clear()

    async def test_everything_is_read_and_what_is_there_does_not_go_out_again(self) -> None:
        hub = await self.start()
        self.shop.faults = {3: [503, 503], 5: [429]}
        run = await self.result("sync", "things")
        self.assertEqual((run["stage"], run["pages"]), ("done", PAGES))
        self.assertEqual(run["records"], PAGES * RECORDS)
        await self.drained(PAGES * RECORDS)
        self.assertEqual(self.lines(), Counter(f"t{n}" for n in range(PAGES * RECORDS)))

        ended = await self.syncline("sync", "things")
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn(f"Read {PAGES} pages, {PAGES * RECORDS} records", ended.out)
        ledger = await self.drained(PAGES * RECORDS)
        self.assertEqual(ledger["unchanged"], PAGES * RECORDS)
        await self.stop(hub)

    async def test_after_a_kill_the_run_goes_on_behind_its_last_page(self) -> None:
        await self.kill_within(await self.start())
        hub = await self.start()
        run = await self.result("sync", "things")
        self.assertTrue(run["continued"])
        self.assertEqual((run["pages"], run["records"]), (PAGES, PAGES * RECORDS))
        self.assertEqual(self.shop.asked, [str(page) for page in range(10, PAGES)])
        await self.until(
            "everything is in the file",
            lambda ledger: not ledger["connections"].get("things", {}).get("pending"),
        )
        self.assertEqual(set(self.lines()), {f"t{n}" for n in range(PAGES * RECORDS)})
        await self.stop(hub)

    async def test_a_cursor_that_expired_begins_the_run_anew_and_it_is_told(self) -> None:
        hub = await self.start()
        self.shop.faults = {7: [410]}
        ended = await self.syncline("sync", "things")
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("begun anew 1 time", ended.out)
        self.assertEqual(self.shop.asked.count(""), 2)
        await self.drained(PAGES * RECORDS)
        self.assertEqual(self.lines(), Counter(f"t{n}" for n in range(PAGES * RECORDS)))
        await self.stop(hub)

    async def test_what_can_not_be_read_is_refused(self) -> None:
        self.configure(attempts=2)
        hub = await self.start()
        ended = await self.syncline("sync", "nothing")
        self.assertEqual(ended.code, 2, ended.err)
        self.assertIn("there is no connection nothing", ended.err)

        self.shop.faults = {0: [503, 503]}
        ended = await self.syncline("sync", "things")
        self.assertEqual(ended.code, 1, ended.err)
        self.assertIn("app.sync_failed", ended.err)
        await self.stop(hub)

        self.prepare()
        ended = await self.syncline("validate")
        self.assertEqual(ended.code, 0, ended.err)
        hub = await self.start()
        ended = await self.syncline("sync", "audiences")
        self.assertEqual(ended.code, 2, ended.err)
        self.assertIn("app.not_readable", ended.err)
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
