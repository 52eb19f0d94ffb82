#!/usr/bin/python3
"""Connectors in Rust and in C are replaced under load as those in C++ are (swap_test.py): nothing fails, nothing is
lost, order is kept, nothing stays in memory. SYNCLINE_SWAPS says how many new versions (50)."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import shutil
import time
import unittest
from collections import defaultdict
from pathlib import Path
from urllib.parse import unquote

from support import TIDY_MEMORY, WAIT_S, HubTest, RunningHub, memory_at_rest_kib, swap_pauses
from syncline_tools.http_load import HttpConnection
from syncline_tools.http_service import HttpService, Reply, Request
from syncline_tools.statistics import percentile

SWAPS = int(os.environ.get("SYNCLINE_SWAPS", "50"))
LIBRARIES = [Path(os.environ["SYNCLINE_RUST_CONNECTOR"]), Path(os.environ["SYNCLINE_C_CONNECTOR"])]
SENDERS = 10
REQUESTS_PER_S = 500
KEYS = 20  # of each sender
WARM_SWAPS = 20
GROWTH_MAX = 1.05
MANY_SWAPS = 500  # outweigh what the allocator has in stock: the hub as it ships
KEY = "the key of this test"
SERVES = "a new version of a connector serves"

CONFIG = """\
version: 1
hub:
  data_dir: {data}
  connectors_dir: {connectors}
  listen: 127.0.0.1:0
accounts:
  rust:
    connector: rust-things
    settings: {{ base_url: "http://127.0.0.1:{port}/rust" }}
    secrets: {{ signing_key: {key} }}
  c: {{ connector: plain-c, settings: {{ base_url: "http://127.0.0.1:{port}/c" }} }}
connections:
  to-rust:
    from: {{ account: rust, stream: things }}
    to: {{ account: rust, stream: things }}
    triggers: {{ webhook: {{ name: things, verify: [{{ scheme: connector, key: {key} }}] }} }}
    deliver: {{ batch_wait_ms: 10, retry_base_ms: 10, retry_max_ms: 20 }}
  to-c:
    from: {{ account: rust, stream: things }}
    to: {{ account: c, stream: things }}
    triggers: {{ webhook: {{ name: things }} }}
    deliver: {{ batch_wait_ms: 10, retry_base_ms: 10, retry_max_ms: 20 }}
"""


class SwapLanguagesTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.sent: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self.arrived: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        self.failed: list[object] = []
        self.is_over = False
        self.flows = asyncio.Event()
        self.flows.set()
        self.platform = HttpService(self.take)
        await self.platform.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.platform.stop)
        shutil.rmtree(self.setup.connectors_dir)
        self.setup.connectors_dir.mkdir()
        self.files = [self.setup.connectors_dir / library.name for library in LIBRARIES]
        for file in self.files:
            self.drop(file, 0)
        self.setup.config.write_text(
            CONFIG.format(
                data=self.setup.data_dir,
                connectors=self.setup.connectors_dir,
                port=self.platform.port,
                key=KEY,
            ),
            encoding="utf-8",
        )

    def take(self, request: Request) -> Reply:
        if not request.body:  # a check of the credentials, a turn of own work
            return Reply(200, b"{}")
        thing = json.loads(request.body)
        language = unquote(request.target).split("/")[1]
        self.arrived[language, thing["key"]].append((thing["n"], time.monotonic()))
        return Reply(200, b"{}")

    def drop(self, file: Path, version: int) -> None:
        library = next(library for library in LIBRARIES if library.name == file.name)
        content = library.read_bytes()
        changed = content.replace(b'"version":"1.0.0"', b'"version":"1.%d.0"' % version)
        self.assertNotEqual(content.count(b'"version":"1.0.0"'), 0)
        temporary = file.with_name(f".{file.name}.tmp")
        temporary.write_bytes(changed)
        temporary.rename(file)

    async def send(self, hub: RunningHub, number: int) -> None:
        connection = HttpConnection("127.0.0.1", hub.port)
        due, n = time.monotonic(), 0
        while not self.is_over:
            if not self.flows.is_set():
                await self.flows.wait()
                due = time.monotonic()
            key = f"k{number}-{n % KEYS}"
            body = json.dumps({"key": key, "n": n}).encode()
            self.sent[key].append((n, time.monotonic()))
            signature = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
            headers = {"X-Signature": signature}
            answer = await connection.request("POST", f"/hooks/things/{key}", body, headers, WAIT_S)
            if answer.status != 202:
                self.failed.append(answer)
            n += 1
            due = max(due + SENDERS / REQUESTS_PER_S, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        connection.close()

    async def served(self, hub: RunningHub, swaps: int) -> None:
        give_up = time.monotonic() + WAIT_S
        while hub.child.err_path.read_text(encoding="utf-8", errors="replace").count(SERVES) < swaps:
            self.assertLess(time.monotonic(), give_up, hub.child.last_words())
            await asyncio.sleep(0.05)

    async def memory_at_rest(self, hub: RunningHub) -> int:
        """What the process has of its own when nothing is on its way and no old version is left, in KiB. The load
        goes on afterwards."""
        self.flows.clear()
        async with asyncio.timeout(WAIT_S):
            while sum(map(len, self.arrived.values())) < 2 * self.count() or self.mapped(hub) > 2:
                await asyncio.sleep(0.05)
        least = await memory_at_rest_kib(hub)
        self.flows.set()
        return least

    def count(self) -> int:
        return sum(map(len, self.sent.values()))

    def mapped(self, hub: RunningHub) -> int:
        text = Path(f"/proc/{hub.child.pid}/maps").read_text(encoding="utf-8")
        folder = str(self.setup.data_dir / "connectors")
        return len({line[line.index(folder) :] for line in text.splitlines() if folder in line})

    def delays(self, begin: float, end: float) -> list[float]:
        return [
            arrival - at
            for key, sent in self.sent.items()
            for language in ("rust", "c")
            for (_, at), (_, arrival) in zip(sent, self.arrived[language, key], strict=True)
            if begin <= at < end
        ]

    async def test_new_versions_take_over_under_load(self) -> None:
        """[B14] [B18] [B19]"""
        hub = await self.start(TIDY_MEMORY if SWAPS < MANY_SWAPS else None)
        senders = [asyncio.create_task(self.send(hub, number)) for number in range(SENDERS)]
        begin = time.monotonic()
        await asyncio.sleep(3)
        first, baseline = time.monotonic(), 0
        for swap in range(1, SWAPS + 1):
            self.drop(self.files[swap % 2], 1 + (swap + 1) // 2 % 2)
            await self.served(hub, swap)
            if swap == min(WARM_SWAPS, SWAPS - 1):
                baseline = await self.memory_at_rest(hub)
        last = time.monotonic()
        grown = await self.memory_at_rest(hub)
        self.is_over = True
        await asyncio.gather(*senders)
        self.assertEqual(self.failed, [])
        count = self.count()
        async with asyncio.timeout(WAIT_S):
            while sum(map(len, self.arrived.values())) < 2 * count or self.mapped(hub) > 2:
                await asyncio.sleep(0.05)
        for key, sent in self.sent.items():
            for language in ("rust", "c"):
                self.assertEqual([n for n, _ in self.arrived[language, key]], [n for n, _ in sent], key)
        await self.result("status")  # which fails when the ledger does not balance
        before, during = self.delays(begin, first), self.delays(first, last)
        await self.stop(hub)
        log = hub.child.err_path.read_text(encoding="utf-8").splitlines()
        print(
            f"{SWAPS} swaps in {last - first:.1f} s, {count} requests, {2 * count} records; one took at most "
            f"{max(during) * 1e3:.0f} ms (p99 {percentile(during, 0.99) * 1e3:.0f}), without swaps "
            f"{max(before) * 1e3:.0f} ms (p99 {percentile(before, 0.99) * 1e3:.0f}); memory "
            f"{baseline} KiB, then {grown} KiB; {swap_pauses(log)}"
        )
        self.assertLess(grown, baseline * GROWTH_MAX)


if __name__ == "__main__":
    unittest.main()
