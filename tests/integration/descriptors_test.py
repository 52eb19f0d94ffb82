#!/usr/bin/python3
"""Hundreds of idle clients and few file descriptors: the hub turns clients away and works on."""

from __future__ import annotations

import asyncio
import os
import resource
import time
import unittest
from pathlib import Path
from typing import Any

from support import KEY, KEY_VARIABLE, WAIT_S, HubTest, RunningHub, call, dmp
from syncline_tools.http_load import HttpConnection, Unanswered
from syncline_tools.processes import start

CLIENTS = 300
LIMIT = 256  # of the whole hub, far less than there are clients
CPU_SHARE_MAX = 0.25  # of the time that passes; a loop that spins takes all that it gets
PAUSE_S = 0.1  # of the accept loop
DOWN = {"fail": {"status": 503, "count": 1_000_000}}
UP = {"fail": {"count": 0}}


def cpu_s(pid: int) -> float:
    """Processor time of the process, in the kernel and outside."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class DescriptorsTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft < 2 * CLIENTS:
            resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * CLIENTS), hard))
        self.clients: list[asyncio.Task[None]] = []
        self.addAsyncCleanup(self.leave)

    def prepare(self, **deliver: int) -> None:
        url = f"http://127.0.0.1:{self.pangolin_port}"
        policy = {"batch_wait_ms": 10, "retry_base_ms": 50, "retry_max_ms": 100}
        limits = {"connections_per_ip_max": 10_000}
        self.setup.prepare(url, {**policy, "attempts_max": 1000}, limits=limits)

    async def pangolin_is(self, faults: dict[str, Any]) -> None:
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", faults)

    async def idle(self, port: int) -> None:
        """A client that says nothing, and comes again when it is turned away."""
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(1)
                continue
            try:
                await reader.read()
            except OSError:
                pass
            finally:
                writer.transport.abort()
            await asyncio.sleep(1)

    def crowd(self, hub: RunningHub) -> None:
        self.clients = [asyncio.create_task(self.idle(hub.port)) for _ in range(CLIENTS)]

    async def leave(self) -> None:
        for client in self.clients:
            client.cancel()
        await asyncio.gather(*self.clients, return_exceptions=True)
        self.clients.clear()

    async def until_members(self, count: int) -> None:
        """Asks Pangolin, since the hub may have no descriptor for a question."""
        give_up = time.monotonic() + WAIT_S
        while len(await self.members()) != count:
            self.assertLess(time.monotonic(), give_up, "the records did not arrive")
            await asyncio.sleep(0.05)

    async def until_served(self, hub: RunningHub, user: str) -> None:
        give_up = time.monotonic() + WAIT_S
        while True:
            try:
                if (await self.send(hub, [user])).status == 200:
                    return
            except Unanswered:
                pass
            self.assertLess(time.monotonic(), give_up, "no service although the clients left")
            await asyncio.sleep(0.05)

    def shed(self, hub: RunningHub) -> int:
        return hub.child.err_path.read_text("utf-8").count("turned away for want of resources")

    async def crowd_is_cheap(self, hub: RunningHub) -> None:
        """The crowd comes, and the hub does not spin while it stays."""
        began, before = time.monotonic(), cpu_s(hub.child.pid)
        shed_before = self.shed(hub)
        self.crowd(hub)
        await asyncio.sleep(2)  # what is measured
        used, shed, passed = cpu_s(hub.child.pid) - before, self.shed(hub), time.monotonic() - began
        self.assertLess(used / passed, CPU_SHARE_MAX)
        # Each look at the listener without a descriptor leaves a line; then comes the pause.
        self.assertLess(shed - shed_before, 2 * passed / PAUSE_S + 5)

    async def test_without_descriptors_the_hub_pauses_and_delivers_what_it_has(self) -> None:
        hub = await self.start()
        await self.pangolin_is(DOWN)
        for number in range(5):
            self.assertEqual((await self.send(hub, [f"u{number}"])).status, 200)
        await self.until("routed", lambda found: found["connection"].get("pending") == 5)
        taken = len(list(Path(f"/proc/{hub.child.pid}/fd").iterdir()))
        limits = resource.prlimit(hub.child.pid, resource.RLIMIT_NOFILE)
        # A few for clients, and none left for anything else.
        resource.prlimit(hub.child.pid, resource.RLIMIT_NOFILE, (taken + 20, limits[1]))
        await self.crowd_is_cheap(hub)
        self.assertGreater(self.shed(hub), 0)
        await self.pangolin_is(UP)
        await self.until_members(5)
        await self.leave()
        await self.until_served(hub, "late")
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["delivered"], 6)
        await self.stop(hub)

    async def test_clients_never_get_the_descriptors_that_the_hub_itself_needs(self) -> None:
        command = ["prlimit", f"--nofile={LIMIT}:{LIMIT}", "--", *self.setup.command("run")]
        child = await start("hub", command, self.folder, {KEY_VARIABLE: KEY})
        self.addAsyncCleanup(child.end, 9)
        hub = await self.setup.ready(child, WAIT_S)
        friend = HttpConnection("127.0.0.1", hub.port)  # was there before the others
        self.addCleanup(friend.close)
        await self.pangolin_is(DOWN)
        await self.through(friend, ["u0"])
        await self.until("routed", lambda found: found["connection"].get("pending") == 1)
        await self.crowd_is_cheap(hub)
        refused = await self.post(hub, b"{}", {})
        self.assertEqual(refused.status, 503)

        # Journal files are changed, connections to the platform made, questions answered.
        await self.pangolin_is(UP)
        for number in range(60):
            await self.through(friend, [f"u{number}-{i}-" + "x" * 900 for i in range(100)])
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["delivered"], 1 + 60 * 100)
        self.assertEqual(ledger["connection"]["dead"], 0)
        await self.leave()
        await self.until_served(hub, "late")
        await self.settled()
        await self.stop(hub)

    async def through(self, connection: HttpConnection, users: list[str]) -> None:
        body = dmp.Batch("a", True, users).body("A")
        target = "/hooks/acme-dmp?type=ADD_TO_AUDIENCE"
        answer = await connection.request(
            "POST", target, body, {"X-HMAC": dmp.sign(KEY, body)}, WAIT_S
        )
        self.assertEqual(answer.status, 200)


if __name__ == "__main__":
    unittest.main()
