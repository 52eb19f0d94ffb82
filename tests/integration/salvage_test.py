#!/usr/bin/python3
"""A damaged data directory: refused with its remedy, salvaged, and delivered from."""

from __future__ import annotations

import signal
import unittest
from pathlib import Path

from support import HubTest, RunningHub, call

PAGE = 4096
USERS = [f"u{number:03}" for number in range(200)]


class SalvageTest(HubTest):
    async def fill(self) -> RunningHub:
        """A hub with records that wait because Pangolin is ill."""
        self.prepare(retry_base_ms=2000, retry_max_ms=2000)
        hub = await self.start()
        error = {"code": "ill", "message": "not now", "retryable": True}
        faults = {"reject_users": {user: error for user in USERS}}
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", faults)
        for begin in range(0, len(USERS), 20):
            self.assertEqual((await self.send(hub, USERS[begin : begin + 20])).status, 200)
        await self.until(
            "all wait", lambda ledger: ledger["connection"].get("pending") == len(USERS)
        )
        return hub

    async def recover(self) -> None:
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", {"reject_users": {}})

    def database(self) -> Path:
        return self.setup.data_dir / "state" / "data.mdb"

    def damage_a_row(self) -> None:
        """One bit in a body, wherever its page is, also in older copies of it."""
        data = bytearray(self.database().read_bytes())
        at = data.find(b'"user":"u100"')
        self.assertGreater(at, 0)
        while at > 0:
            data[at + 8] ^= 1
            at = data.find(b'"user":"u100"', at)
        self.database().write_bytes(data)

    async def test_pending_records_are_delivered_after_salvage(self) -> None:
        hub = await self.fill()
        await self.stop(hub)
        original_size = self.database().stat().st_size
        self.damage_a_row()
        await self.recover()

        refused = await self.syncline("run")
        self.assertEqual(refused.code, 3, refused.err)
        self.assertIn("store.state_damaged", refused.err)
        self.assertIn("syncline salvage", refused.err)

        result = await self.result("salvage")
        self.assertTrue(any("data.mdb:" in place["where"] for place in result["damage"]))
        quarantine = Path(result["quarantine"])
        self.assertEqual((quarantine / "state/data.mdb").stat().st_size, original_size)
        lost = result["lost"]["records"]
        self.assertEqual(result["recovered"]["records"] + lost, len(USERS))
        self.assertLessEqual(lost, 1)

        hub = await self.start()
        ledger = await self.settled()
        self.assertTrue(ledger["balanced"])
        self.assertEqual(ledger["connection"]["delivered"], len(USERS) - lost)
        self.assertEqual(len(set(await self.members())), len(USERS) - lost)
        await self.stop(hub)

    async def test_without_damage_nothing_happens(self) -> None:
        hub = await self.fill()
        busy = await self.syncline("salvage", "--json")
        self.assertEqual((busy.code, busy.json()["error"]["code"]), (3, "store.in_use"))
        await hub.child.end(signal.SIGKILL)
        before = self.database().read_bytes()
        said = await self.syncline("salvage", key=False)
        self.assertEqual(said.code, 0, said.err)
        self.assertIn("There is no damage", said.out)
        self.assertEqual(self.database().read_bytes(), before)
        self.assertFalse((self.setup.data_dir / "quarantine").exists())

    def newest_journal(self) -> Path:
        """The file that the last start began."""
        files = (self.setup.data_dir / "journal").glob("*.log")
        return max(path for path in files if any(path.read_bytes()[PAGE : 2 * PAGE]))

    async def test_damage_in_the_journal_is_named_and_skipped(self) -> None:
        hub = await self.fill()
        await self.stop(hub)
        await self.recover()
        # What the state has taken over does no harm: so the hub is killed before its next commit,
        # a second after its start. A slow machine gets another try.
        before = after = b""
        while not before or before != after:
            hub = await self.start()
            before = self.database().read_bytes()
            self.assertEqual((await self.send(hub, ["late"])).status, 200)
            await hub.child.end(signal.SIGKILL)
            after = self.database().read_bytes()
        journal = self.newest_journal()
        data = bytearray(journal.read_bytes())
        data[PAGE + 40] ^= 1  # in the first batch of the last start
        journal.write_bytes(data)

        refused = await self.syncline("run")
        self.assertEqual(refused.code, 3, refused.err)
        self.assertIn("store.journal_damaged", refused.err)
        said = await self.syncline("salvage")
        self.assertEqual(said.code, 0, said.err)
        self.assertIn(f"{journal}:", said.out)
        self.assertIn("The originals are in ", said.out)
        self.assertIn("reading the journal", said.err)

        hub = await self.start()
        ledger = await self.settled()
        self.assertTrue(ledger["balanced"])
        self.assertGreaterEqual(len(set(await self.members())), len(USERS))
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
