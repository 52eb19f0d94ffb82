#!/usr/bin/python3
"""A full disk: refused with 503 and Retry-After, nothing acknowledged is lost, and it recovers."""

from __future__ import annotations

import asyncio
import os
import unittest
from pathlib import Path

from support import WAIT_S, HubTest, run


class DiskTest(HubTest):
    async def mount(self, megabytes: int) -> Path:
        """A small file system for the data directory."""
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        where = self.setup.data_dir
        ended = await run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(where)])
        if ended.code != 0:
            self.skipTest(f"mounting is not permitted here: {ended.err.strip()}")
        self.addAsyncCleanup(run, ["umount", "--lazy", str(where)])
        return where

    def fill(self, where: Path) -> None:
        with open(where / "filler", "wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 65536)
            except OSError:
                return

    async def test_a_disk_that_is_full_at_the_start_is_one_message(self) -> None:
        where = await self.mount(4)
        self.fill(where)
        ended = await self.syncline("run")
        self.assertEqual(ended.code, 3, ended.err)
        messages = [line for line in ended.err.splitlines() if not line.startswith("{")]
        self.assertEqual(len(messages), 1, ended.err)
        self.assertIn("store.disk_full", messages[0])
        (where / "filler").unlink()

    async def test_a_disk_that_fills_up_refuses_and_recovers(self) -> None:
        where = await self.mount(64)
        hub = await self.start()
        answer = await self.send(hub, ["before"])
        acknowledged = {"before"}
        statuses = {answer.status}
        self.fill(where)
        padding = "x" * 600
        give_up = asyncio.get_running_loop().time() + WAIT_S
        number = 0
        while 503 not in statuses and asyncio.get_running_loop().time() < give_up:
            number += 1
            users = [f"{number}-{user}-{padding}" for user in range(100)]
            answer = await self.send(hub, users)
            statuses.add(answer.status)
            if answer.status == 200:
                acknowledged.update(users)
        self.assertEqual(statuses, {200, 503}, "the disk never became full")
        self.assertEqual(answer.json()["code"], "store.disk_full")
        self.assertEqual(answer.headers["retry-after"], "120")
        self.assertFalse((await self.result("status"))["accepting"])
        self.assertIsNone(hub.child.exit_code)

        (where / "filler").unlink()
        while (answer := await self.send(hub, ["after"])).status != 200:
            self.assertEqual(answer.status, 503)
            self.assertLess(asyncio.get_running_loop().time(), give_up + WAIT_S, "no recovery")
            await asyncio.sleep(0.1)
        await self.settled()
        self.assertTrue(set(await self.members()) == acknowledged | {"after"}, "something is lost")
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
