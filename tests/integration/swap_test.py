#!/usr/bin/python3
"""New versions of connectors are dropped into the directory of a hub under load: nothing fails, nothing is lost, order
is kept, and what can't serve never does. SYNCLINE_SWAPS says how many good ones (50)."""

from __future__ import annotations

import asyncio
import json
import os
import random
import struct
import time
import unittest
from collections import defaultdict
from pathlib import Path
from typing import Any

from support import KEY, TIDY_MEMORY, WAIT_S, HubTest, RunningHub, dmp, memory_at_rest_kib, swap_pauses
from syncline_tools.http_load import HttpConnection
from syncline_tools.hub import ROUTE
from syncline_tools.statistics import percentile

SWAPS = int(os.environ.get("SYNCLINE_SWAPS", "50"))
SENDERS = 10
REQUESTS_PER_S = 500
USERS = 20  # of each sender, so that each comes back every 400 ms
WARM_SWAPS = 20
GROWTH_MAX = 1.05
MANY_SWAPS = 500  # outweigh what the allocator has in stock: the hub as it ships
PROBE_S = 15.0
SERVES = "a new version of a connector serves"
REFUSED = "is refused; "

Key = tuple[str, str]


class Library:
    """A connector's file, and others made of it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.bytes = file.read_bytes()

    def with_text(self, old: bytes, new: bytes) -> bytes:
        assert len(old) == len(new) and self.bytes.count(old) == 1, old
        return self.bytes.replace(old, new)

    def version(self, number: int) -> bytes:
        return self.with_text(b'"version": "0.1.0"', b'"version": "0.%d.0"' % number)

    def with_code(self, section: bytes, code: bytes) -> bytes:
        """With other instructions at the beginning of a section."""
        table, size, count, names = (
            struct.unpack_from("<Q", self.bytes, 40)[0],
            *struct.unpack_from("<HHH", self.bytes, 58),
        )
        headers = [struct.unpack_from("<IIQQQQ", self.bytes, table + n * size) for n in range(count)]
        texts = headers[names][4]
        for name, _, _, _, offset, _ in headers:
            end = self.bytes.index(b"\0", texts + name)
            if self.bytes[texts + name : end] == section:
                return self.bytes[:offset] + code + self.bytes[offset + len(code) :]
        raise AssertionError(f"there is no section {section!r}")

    def with_header(self, offset: int, value: int) -> bytes:
        return self.bytes[:offset] + struct.pack("<H", value) + self.bytes[offset + 2 :]


class Load:
    """Senders that change their users' memberships, one request after the other, and when each record came and
    arrived."""

    def __init__(self, test: SwapTest, hub: RunningHub) -> None:
        self.hub = hub
        self.sent: dict[Key, list[tuple[str, float]]] = defaultdict(list)
        self.arrived: dict[Key, list[tuple[str, float]]] = defaultdict(list)
        self.failed: list[object] = []
        self.count = 0
        self.is_over = False
        self.flows = asyncio.Event()
        self.flows.set()
        apply = test.pangolin._apply

        def note(index: int, item: dict[str, Any], *others: Any) -> dict[str, Any]:
            self.arrived[item["audience"], item["user"]].append((item["action"], time.monotonic()))
            return apply(index, item, *others)

        test.pangolin._apply = note  # type: ignore[method-assign]

    async def send(self, number: int) -> None:
        connection = HttpConnection("127.0.0.1", self.hub.port)
        due = time.monotonic()
        turn = 0
        while not self.is_over:
            if not self.flows.is_set():
                await self.flows.wait()
                due = time.monotonic()
            user, is_add = f"u{number}-{turn % USERS}", turn // USERS % 2 == 0
            turn += 1
            batch = dmp.Batch("a", is_add, [user])
            body = batch.body("A")
            self.sent["a", user].append(("add" if is_add else "remove", time.monotonic()))
            try:
                answer = await connection.request(
                    "POST", f"/hooks/{ROUTE}?type={batch.type}", body,
                    {"X-HMAC": dmp.sign(KEY, body)}, WAIT_S,
                )  # fmt: skip
                if answer.status != 200:
                    self.failed.append(answer)
            except Exception as problem:
                self.failed.append(problem)
            self.count += 1
            due = max(due + SENDERS / REQUESTS_PER_S, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        connection.close()

    def delays(self, begin: float, end: float) -> list[float]:
        """From sending to arrival, of the records that were sent in between."""
        return [
            arrival - at
            for key, changes in self.sent.items()
            for (_, at), (_, arrival) in zip(changes, self.arrived[key], strict=False)
            if begin <= at < end
        ]


class SwapTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.libraries = {
            name: Library(next(self.setup.connectors_dir.glob(f"{name}*.so")))
            for name in ("pangolin", "mapp")
        }
        self.pangolin_so = self.libraries["pangolin"].file
        self.log_read = 0
        self.log_lines: list[str] = []

    def drop(self, file: Path, content: bytes) -> None:
        """As an operator should: a whole file appears under its name."""
        temporary = file.with_name(f".{file.name}.tmp")
        temporary.write_bytes(content)
        temporary.rename(file)

    def log(self, hub: RunningHub) -> list[str]:
        """The whole lines of it; only what is new is read."""
        with hub.child.err_path.open("rb") as file:
            file.seek(self.log_read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self.log_read += len(whole)
        self.log_lines += whole.decode(errors="replace").splitlines()
        return self.log_lines

    async def told(self, hub: RunningHub, what: str, count: int, limit_s: float = WAIT_S) -> Any:
        """The `count`-th line of the log that says so."""
        give_up = time.monotonic() + limit_s
        while True:
            lines = [line for line in self.log(hub) if what in line]
            if len(lines) >= count:
                self.assertEqual(len(lines), count, lines[count:])
                return json.loads(lines[-1])
            if time.monotonic() > give_up:
                self.fail(f"not in {limit_s} s: {what} for the {count}th time: {self.log(hub)[-5:]}")
            await asyncio.sleep(0.05)

    async def memory_at_rest(self, hub: RunningHub, load: Load) -> int:
        """What the process has of its own when nothing is on its way and no old version is left, in KiB. The load
        goes on afterwards."""
        load.flows.clear()
        await self.settled()
        async with asyncio.timeout(WAIT_S):
            while len(self.mapped(hub)) > 2:
                await asyncio.sleep(0.05)
        least = await memory_at_rest_kib(hub)
        load.flows.set()
        return least

    async def metrics(self, hub: RunningHub) -> str:
        reader, writer = await asyncio.open_unix_connection(str(hub.admin_socket))
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
        async with asyncio.timeout(WAIT_S):
            answer = await reader.read()
        writer.close()
        return answer.decode()

    def mapped(self, hub: RunningHub) -> set[str]:
        """Copies of connectors in the process."""
        text = Path(f"/proc/{hub.child.pid}/maps").read_text(encoding="utf-8")
        folder = str(self.setup.data_dir / "connectors")
        return {line[line.index(folder) :] for line in text.splitlines() if folder in line}

    async def finish(self, load: Load, senders: list[asyncio.Task[None]], hub: RunningHub) -> None:
        load.is_over = True
        await asyncio.gather(*senders)
        ledger = await self.settled()
        self.assertEqual(load.failed, [])
        self.assertTrue(ledger["balanced"])
        self.assertEqual(ledger["route"]["received"], load.count)
        self.assertEqual(ledger["connection"]["delivered"], load.count)
        for key, changes in load.sent.items():
            self.assertEqual(
                [action for action, _ in load.arrived[key]], [action for action, _ in changes], key
            )
        await self.stop(hub)

    async def test_good_versions_take_over_under_load(self) -> None:
        """[B14] [B18] [B19]"""
        hub = await self.start(TIDY_MEMORY if SWAPS < MANY_SWAPS else None)
        load = Load(self, hub)
        senders = [asyncio.create_task(load.send(number)) for number in range(SENDERS)]
        begin = time.monotonic()
        await asyncio.sleep(3)
        first = time.monotonic()
        baseline = 0
        for swap in range(1, SWAPS + 1):
            library = self.libraries["mapp" if swap % 2 else "pangolin"]
            version = 1 + (swap + 1) // 2 % 2
            self.drop(library.file, library.version(version))
            line = await self.told(hub, SERVES, swap)
            self.assertIn(f"0.{version}.0", json.dumps(line))
            if swap == min(WARM_SWAPS, SWAPS - 1):
                baseline = await self.memory_at_rest(hub, load)
        last = time.monotonic()
        grown = await self.memory_at_rest(hub, load)
        before, during = load.delays(begin, first), load.delays(first, last)
        metrics = await self.metrics(hub)
        self.assertIn(f'connector_swaps_total{{result="taken"}} {SWAPS}', metrics)
        self.assertIn('connector_swaps_total{result="refused"} 0', metrics)
        self.assertIn('connector_left_generations{why="pinned"} 0', metrics)
        self.assertIn('connector_left_generations{why="stuck"} 0', metrics)
        await self.finish(load, senders, hub)
        print(
            f"{SWAPS} swaps in {last - first:.1f} s, {load.count} requests; a record took at most "
            f"{max(during) * 1e3:.0f} ms (p99 {percentile(during, 0.99) * 1e3:.0f}), without swaps "
            f"{max(before) * 1e3:.0f} ms (p99 {percentile(before, 0.99) * 1e3:.0f}); memory "
            f"{baseline} KiB, then {grown} KiB; {swap_pauses(self.log(hub))}"
        )
        self.assertLess(grown, baseline * GROWTH_MAX)

    def bad_versions(self) -> list[tuple[str, bytes]]:
        """What the log says of each, and the file."""
        library = self.libraries["pangolin"]
        machine = struct.unpack_from("<H", library.bytes, 18)[0]
        is_x86 = machine == 62
        crash, hang = (
            (b"\x0f\x0b", b"\xeb\xfe") if is_x86 else (b"\0\0\0\0", b"\0\0\0\x14")
        )  # an illegal instruction; a jump to itself
        cuts = random.Random(1).sample(range(1, len(library.bytes)), 10)
        read = library.bytes.index(b"base_url\0")  # what the code asks its settings for
        return [
            *(("plugin.not_a_library", library.bytes[:cut]) for cut in sorted(cuts)),
            ("plugin.not_a_library", library.with_header(18, 183 if is_x86 else 62)),
            ("syncline_plugin_v1",
             library.bytes.replace(b"syncline_plugin_v1\0", b"syncline_plugin_v8\0")),
            ("plugin.abi_mismatch", library.with_text(b'"major": 1', b'"major": 2')),
            ("it crashed", library.with_code(b".init", crash)),
            ("it hangs", library.with_code(b".init", hang)),
            ("plugin.settings_invalid", library.with_text(
                b'"required":["base_url"]', b'"required":["base_urk"]')),
            ("plugin.start_failed", library.bytes[:read] + b"base_urk" + library.bytes[read + 8:]),
            ("plugin.needs_restart", library.with_text(
                b'"batch_records_max": 100', b'"batch_records_max": 200')),
        ]  # fmt: skip

    async def test_bad_versions_never_serve(self) -> None:
        """[B12] [B15] [B16] [B17]"""
        hub = await self.start()
        load = Load(self, hub)
        senders = [asyncio.create_task(load.send(number)) for number in range(SENDERS)]
        for count, (word, content) in enumerate(self.bad_versions(), 1):
            with self.subTest(word, count=count):
                self.pangolin_so.write_bytes(content)
                line = await self.told(hub, REFUSED, count, PROBE_S + WAIT_S)
                self.assertIn(word, json.dumps(line))
        self.assertEqual([line for line in self.log(hub) if SERVES in line], [])
        self.drop(self.pangolin_so, self.libraries["pangolin"].version(2))
        await self.told(hub, SERVES, 1)
        await self.finish(load, senders, hub)


if __name__ == "__main__":
    unittest.main()
