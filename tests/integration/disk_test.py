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

    async def test_a_disk_that_is_full_at_the_start_is_one_message(self) -> None:
        where = await self.mount(4)
        with open(where / "filler", "wb") as filler:
            try:
                while True:
                    filler.write(b"x" * 65536)
                    filler.flush()
            except OSError:
                pass
        ended = await self.syncline("run")
        self.assertEqual(ended.code, 3, ended.err)
        messages = [line for line in ended.err.splitlines() if not line.startswith("{")]
        self.assertEqual(len(messages), 1, ended.err)
        self.assertIn("store.disk_full", messages[0])
        (where / "filler").unlink()

    async def test_a_disk_that_fills_up_refuses_and_recovers(self) -> None:
        where = await self.mount(64)
        hub = await self.start()
        acknowledged = set()
        statuses = set()
        with open(where / "filler", "wb") as filler:
            filler.truncate(0)
            free = os.statvfs(where)
            filler.write(b"x" * (free.f_bavail * free.f_frsize - 2 * 1024 * 1024))
        padding = "x" * 20_000
        give_up = asyncio.get_running_loop().time() + WAIT_S
        number = 0
        while 503 not in statuses and asyncio.get_running_loop().time() < give_up:
            number += 1
            user = f"{number}-{padding}"
            answer = await self.send(hub, [user])
            statuses.add(answer.status)
            if answer.status == 200:
                acknowledged.add(user)
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
        self.assertEqual(set(await self.members()), acknowledged | {"after"})
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
