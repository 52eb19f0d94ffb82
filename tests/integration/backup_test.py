#!/usr/bin/python3
"""`syncline backup`: copies of a hub under load are restored, and have what was acknowledged before they began."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import unittest
from pathlib import Path
from typing import Any

from support import KEY, WAIT_S, Ended, HubTest, RunningHub, call
from syncline_tools.hub import HubSetup
from syncline_tools.pangolin import Pangolin

WAITING = "w"  # such users are refused: only the data directory has them
REFUSED = {"reject_users": {f"{WAITING}*": {"code": "ill", "message": "not now", "retryable": True}}}
USERS_A_REQUEST = 10
COPIES = 3


class Load:
    """New users, each sent once, from one connection after the other; knows who was acknowledged."""

    def __init__(self, test: BackupTest, hub: RunningHub) -> None:
        self.test = test
        self.hub = hub
        self.acknowledged: list[str] = []
        self.sent = 0
        self.task = asyncio.create_task(self.run())

    async def run(self) -> None:
        while True:
            numbers = range(self.sent, self.sent + USERS_A_REQUEST)
            users = [f"{WAITING if number % 2 else 'd'}{number:06}" for number in numbers]
            self.sent += USERS_A_REQUEST
            self.test.assertEqual((await self.test.send(self.hub, users)).status, 200)
            self.acknowledged += users

    async def grow(self, count: int) -> None:
        goal = len(self.acknowledged) + count
        async with asyncio.timeout(WAIT_S):
            while len(self.acknowledged) < goal and not self.task.done():
                await asyncio.sleep(0.01)
        if self.task.done():
            self.task.result()

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


class BackupTest(HubTest):
    async def backed_up(self, to: Path) -> Any:
        return await self.result("backup", str(to))

    async def judge(self, copy: Path, before: list[str], after: int) -> None:
        """A hub on the copy, which delivers to a Pangolin that has seen nothing yet."""
        self.assertEqual((await self.syncline("backup", "--verify", str(copy))).code, 0)
        pangolin = Pangolin()
        await pangolin.service.start("127.0.0.1", 0)
        try:
            folder = copy.with_suffix(".hub")
            folder.mkdir()
            setup = HubSetup(self.setup.binary, folder, KEY)
            setup.data_dir = copy
            setup.prepare(f"http://127.0.0.1:{pangolin.service.port}", {"batch_wait_ms": 10, "retry_base_ms": 50})
            child = await setup.launch()
            self.addAsyncCleanup(child.end, signal.SIGKILL)
            await setup.ready(child, WAIT_S)
            self.assertIn("this is a restored backup", child.err_path.read_text(encoding="utf-8"))
            waiting = {user for user in before if user.startswith(WAITING)}
            async with asyncio.timeout(WAIT_S):
                while True:
                    ledger = await setup.ledger()
                    if not ledger["route"].get("pending") and not ledger["connection"].get("pending"):
                        break
                    await asyncio.sleep(0.05)
            state = (await call("127.0.0.1", pangolin.service.port, "GET", "/control/state")).json()
            arrived = set(state["audiences"].get("a", []))
            self.assertEqual(waiting - arrived, set(), "acknowledged before the backup began, and lost")
            self.assertTrue(ledger["balanced"])
            self.assertGreaterEqual(ledger["connection"]["routed"], len(before))
            self.assertLessEqual(ledger["connection"]["routed"], after)
            self.assertEqual(ledger["connection"]["delivered"], ledger["connection"]["routed"])
            self.assertEqual(await child.end(signal.SIGTERM, WAIT_S), 0, child.last_words())
        finally:
            await pangolin.service.stop()

    async def test_copies_of_a_hub_under_load_have_all_that_was_acknowledged(self) -> None:
        # Who is refused goes on waiting: 20 attempts would soon make dead letters of them.
        self.prepare(attempts_max=1000, retry_base_ms=1000, retry_max_ms=1000)
        hub = await self.start()
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", REFUSED)
        load = Load(self, hub)
        for number in range(COPIES):
            await load.grow(200)
            before = list(load.acknowledged)
            copy = self.folder / f"copy{number}"
            made = await self.backed_up(copy)
            after = load.sent
            self.assertEqual(made["to"], str(copy))
            self.assertEqual(copy.stat().st_mode & 0o777, 0o700)
            await self.judge(copy, before, after)
        await load.end()
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", {"reject_users": {}})
        ledger = await self.settled()
        self.assertTrue(ledger["balanced"])
        self.assertEqual(ledger["connection"]["dead"], 0)
        self.assertLessEqual(set(load.acknowledged), set(await self.members()))
        await self.stop(hub)

    async def test_a_hub_that_does_not_run_is_copied_and_one_that_was_killed_too(self) -> None:
        hub = await self.start()
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", REFUSED)
        users = [f"{WAITING}{number}" for number in range(50)]
        self.assertEqual((await self.send(hub, users)).status, 200)
        await hub.child.end(signal.SIGKILL)
        copy = self.folder / "copy"
        await self.backed_up(copy)
        await self.judge(copy, users, len(users))

    async def begun(self, copy: Path) -> asyncio.subprocess.Process:
        """A backup that stands still: among the bodies is something to read that nobody writes to."""
        os.mkfifo(self.gate)
        process = await asyncio.create_subprocess_exec(
            *self.setup.command("backup", str(copy)), stderr=asyncio.subprocess.PIPE
        )
        self.addCleanup(lambda: process.returncode is None and process.kill())
        async with asyncio.timeout(WAIT_S):
            while not (copy.with_name(f"{copy.name}.partial") / "journal").exists():
                await asyncio.sleep(0.01)
        return process

    @property
    def gate(self) -> Path:
        return self.setup.data_dir / "bodies/gate"

    async def failed(self, process: asyncio.subprocess.Process, code: str) -> None:
        _, err = await asyncio.wait_for(process.communicate(), WAIT_S)
        self.assertIn(f"{code}: ", err.decode())
        self.assertEqual(process.returncode, 1)

    async def test_a_kill_during_the_backup_leaves_no_copy(self) -> None:
        copy = self.folder / "copy"
        hub = await self.start()
        client = await self.begun(copy)
        await hub.child.end(signal.SIGKILL)
        await self.failed(client, "app.hub_unreachable")
        self.assertFalse(copy.exists())
        self.assertTrue((self.folder / "copy.partial").exists())

        hub = await self.start()
        await self.backed_up(copy)
        self.assertFalse((self.folder / "copy.partial").exists())
        await self.stop(hub)

    async def test_the_hub_serves_while_a_backup_stands_still_and_ctrl_c_ends_it(self) -> None:
        copy = self.folder / "copy"
        hub = await self.start()
        client = await self.begun(copy)
        self.assertEqual((await self.send(hub, ["u1", "u2"])).status, 200)
        self.assertEqual((await self.settled())["connection"]["delivered"], 2)
        await self.refused("store.backup_running", 1, str(self.folder / "second"))
        client.send_signal(signal.SIGINT)
        assert client.stderr is not None
        said = await asyncio.wait_for(client.stderr.readline(), WAIT_S)
        self.assertEqual(said, b"syncline: the backup is cancelled\n")
        descriptor = os.open(self.gate, os.O_RDWR)
        self.addCleanup(os.close, descriptor)
        await self.failed(client, "store.backup_cancelled")
        self.assertFalse(copy.exists())
        self.assertFalse((self.folder / "copy.partial").exists())
        await self.stop(hub)

    async def refused(self, code: str, exit_code: int, *words: str) -> Ended:
        ended = await self.syncline("backup", *words)
        self.assertEqual(ended.code, exit_code, ended.err)
        self.assertIn(f"{code}: ", ended.err)
        return ended

    async def test_places_that_are_refused(self) -> None:
        (self.folder / "taken").mkdir()
        (self.folder / "taken/file").touch()
        inside = str(self.setup.data_dir / "copy")
        await self.refused("store.directory_unusable", 3, str(self.folder / "copy"))
        hub = await self.start()
        await self.refused("store.backup_place", 2, str(self.folder / "taken"))
        await self.refused("store.backup_place", 2, inside)
        await self.refused("store.backup_place", 2, str(self.folder / "no/such"))
        await self.refused("store.backup_place", 2, "--verify", str(self.folder / "taken"))
        await self.stop(hub)
        await self.refused("store.backup_place", 2, inside)

    async def test_doctor_knows_a_backup_and_what_was_restored_from_one(self) -> None:
        hub = await self.start()
        copy = self.folder / "copy"
        await self.backed_up(copy)
        await self.stop(hub)
        self.edit(json.dumps(str(self.setup.data_dir)), json.dumps(str(copy)))
        self.assertRegex((await self.syncline("doctor")).out, r"warn +backup +this is the backup of ")
        damaged = copy / "state/data.mdb"
        data = damaged.read_bytes()
        damaged.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        self.assertIn("store.backup_damaged", (await self.syncline("doctor")).out)
        await self.refused("store.backup_damaged", 3, "--verify", str(copy))
        damaged.write_bytes(data)
        hub = await self.start()
        self.assertRegex((await self.syncline("doctor")).out, r"ok +backup +restored from the backup of ")
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
