#!/usr/bin/python3
"""A hub that gets too few threads, too little memory, or more than it can hold: it says so, goes on
or ends in words, and loses nothing that it acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import unittest
from collections import Counter
from pathlib import Path

from support import (
    DELIVER, KEY, KEY_VARIABLE, NOBODY, ROUTE, WAIT_S, Ended, HubTest, RunningHub, call, dmp, run,
)  # fmt: skip
from syncline_tools.http_load import HttpConnection, Unanswered

SHIM = os.environ.get("SYNCLINE_FAILING_MALLOC_SHIM", "")
LARGE = 900 * 1024
CONNECTIONS = 20
RSS_BYTES_MAX = 300_000_000
BURST = 100_000
RESTING_BYTES_MAX = 25_000_000


def rss_anon(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


class ResourcesTest(HubTest):
    def as_nobody(self) -> list[str]:
        """The command to run the hub by, as a user whose threads are counted."""
        if os.geteuid() != 0:
            return self.setup.command("run")
        self.folder.chmod(0o755)
        binary = self.folder / "syncline"
        shutil.copy(self.setup.binary, binary)
        self.give_data_to(NOBODY)
        return [
            "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--",
            str(binary), "run", "-c", str(self.setup.config),
        ]  # fmt: skip

    def give_data_to(self, user: int) -> None:
        for path in [self.setup.data_dir, *self.setup.data_dir.rglob("*")]:
            os.chown(path, user, -1)

    async def status_of(self, hub: RunningHub, what: str, host: str) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        try:
            writer.write(f"{what} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n".encode())
            async with asyncio.timeout(WAIT_S):
                line = await reader.readline()
            return int(line.split(b" ")[1])
        finally:
            writer.transport.abort()

    async def start_with_threads(self, count: int) -> Ended:
        return await run(
            ["prlimit", f"--nproc={count}", "--", *self.as_nobody()], {KEY_VARIABLE: KEY}
        )

    async def test_too_few_threads_end_a_start_in_words(self) -> None:
        """[A10]"""
        for count in (1, 2, 4, 6):
            with self.subTest(threads=count):
                ended = await self.start_with_threads(count)
                self.assertEqual(ended.code, 3, ended.err)
                self.assertIn("syncline: app.out_of_resources: ", ended.err)
        # Nothing that was left behind keeps it from starting.
        self.give_data_to(os.geteuid())
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"])).status, 200)
        await self.settled()
        await self.stop(hub)

    async def test_a_hub_that_gets_no_more_threads_goes_on(self) -> None:
        """[A10]"""
        hub = await self.start()
        limited = await run(["prlimit", "--pid", str(hub.child.pid), "--nproc=1"])
        self.assertEqual(limited.code, 0, limited.err)
        self.assertEqual((await self.send(hub, ["u1", "u2"])).status, 200)
        await self.settled()
        self.assertEqual(sorted(await self.members()), ["u1", "u2"])
        await self.stop(hub)

    async def test_the_operators_routes_are_not_on_the_network(self) -> None:
        """[E11] A page in a browser that gets a name to point here reaches webhooks alone, and those
        ask for a signature."""
        hub = await self.start()
        for host in (f"127.0.0.1:{hub.port}", "rebound.example", "localhost"):
            for path in ("/healthz", "/readyz", "/v1/status", "/v1/dlq", "/v1/dlq/1.6/discard"):
                for method in ("GET", "POST"):
                    status = await self.status_of(hub, f"{method} {path}", host)
                    self.assertEqual(status, 404, (host, method, path))
            status = await self.status_of(hub, f"POST /hooks/{ROUTE}", host)
            self.assertEqual(status, 401, host)
        await self.stop(hub)

    async def test_what_a_burst_needed_is_given_back(self) -> None:
        """Also when nothing comes any more: an allocator that is not asked keeps what it has."""
        hub = await self.start()
        numbers = iter(range(0, BURST, 100))

        async def send_some() -> None:
            for first in numbers:
                users = [f"user-{number:06d}@example.com" for number in range(first, first + 100)]
                self.assertEqual((await self.send(hub, users)).status, 200)

        await asyncio.gather(*(send_some() for _ in range(8)))
        await self.settled()
        async with asyncio.timeout(WAIT_S):
            while rss_anon(hub.child.pid) > RESTING_BYTES_MAX:
                await asyncio.sleep(0.2)
        await self.stop(hub)


class LargeBodiesTest(HubTest):
    def prepare(self, **deliver: int) -> None:
        url = f"http://127.0.0.1:{self.pangolin_port}"
        limits = {"pending_bytes_max": 1024 * 1024, "unapplied_bytes_max": 1024 * 1024}
        self.setup.prepare(url, {**DELIVER, **deliver}, limits=limits)

    async def test_large_bodies_are_refused_before_they_fill_the_memory(self) -> None:
        """[A11] [A8]"""
        down = {"fail": {"status": 503, "count": 1_000_000}}
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", down)
        hub = await self.start()
        answers: Counter[int] = Counter()
        sent: list[str] = []
        taken: list[str] = []
        highest = 0

        async def send_some(number: int) -> None:
            nonlocal highest
            connection = HttpConnection("127.0.0.1", hub.port)
            try:
                for index in range(4):
                    user = f"u{number}-{index}"
                    body = json.dumps(
                        {"Mutation": [{"Audience": "a", "Users": [user]}], "x": "x" * LARGE}
                    ).encode()
                    sent.append(user)
                    try:
                        answer = await connection.request(
                            "POST", f"/hooks/{ROUTE}?type=ADD_TO_AUDIENCE", body,
                            {"X-HMAC": dmp.sign(KEY, body)}, WAIT_S,
                        )  # fmt: skip
                    except Unanswered:
                        continue  # too slow for the hub, on a machine that has more to do
                    answers[answer.status] += 1
                    if answer.status == 200:
                        taken.append(user)
                    highest = max(highest, rss_anon(hub.child.pid))
            finally:
                connection.close()

        async with asyncio.timeout(150):
            await asyncio.gather(*(send_some(number) for number in range(CONNECTIONS)))
        self.assertGreater(answers[503], 0, answers)
        self.assertLessEqual(set(answers), {200, 408, 503}, answers)
        self.assertLess(highest, RSS_BYTES_MAX)
        # Results and commands are taken all the same: the backlog drains, and nothing is missing.
        self.assertTrue((await self.setup.ledger())["balanced"])
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", {"fail": {"count": 0}})
        await self.settled()
        self.assertLessEqual(set(taken), set(await self.members()))
        self.assertLessEqual(set(await self.members()), set(sent))
        await self.stop(hub)


@unittest.skipUnless(SHIM, "without the library that makes allocations fail")
class AllocationTest(HubTest):
    async def end_of(self, hub: RunningHub) -> int:
        """Of one that may have ended by itself; asyncio's own way of signalling would take its exit
        code away."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(hub.child.pid, signal.SIGTERM)
        async with asyncio.timeout(WAIT_S):
            return await hub.child.process.wait()

    async def test_an_allocation_that_fails_loses_nothing(self) -> None:
        """[A12]"""
        taken: set[str] = set()
        ends: Counter[int] = Counter()
        for n in [*range(12), *range(15, 150, 12), *range(200, 2_000, 180)]:
            hub = await self.start({"LD_PRELOAD": SHIM, "SYNCLINE_FAILING_MALLOC": str(n)})
            os.kill(hub.child.pid, signal.SIGUSR2)
            for index in range(8):
                user = f"u{n}-{index}"
                try:
                    answer = await self.send(hub, [user])
                except Unanswered:
                    break  # it has ended
                if answer.status == 200:
                    taken.add(user)
            code = await self.end_of(hub)
            self.assertIn(code, (0, 3), f"allocation {n}: {hub.child.last_words()}")
            ends[code] += 1
        self.assertGreater(ends[3], 0, "no allocation has failed")
        hub = await self.start()
        await self.settled()
        # What failed inside a connector is a dead letter: told, and not lost.
        await self.syncline("dlq", "replay", "--all")
        ledger = await self.settled()
        self.assertTrue(ledger["balanced"])
        self.assertLessEqual(taken, set(await self.members()))
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
