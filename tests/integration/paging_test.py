#!/usr/bin/python3
"""Thousands of dead letters and somebody who looks at them slowly: the hub does not wait for him, and
its database does not grow."""

from __future__ import annotations

import asyncio
import ctypes
import json
import unittest
from typing import Any

from support import KEY, WAIT_S, HubTest, RunningHub, call, dmp

LETTERS = 3000
PAGE_MAX = 200
USERS = 1000  # that join and leave again and again
ROUNDS = 3
GROWTH_MAX = 256 << 10  # bytes, of the database while somebody looks
MDB_RDONLY = 0x20000


class Reader:
    """A read transaction that stays open, as nobody inside the hub may hold one."""

    def __init__(self, folder: str) -> None:
        self.lmdb = ctypes.CDLL("liblmdb.so.0")
        self.environment = ctypes.c_void_p()
        self.transaction = ctypes.c_void_p()
        self.lmdb.mdb_env_create(ctypes.byref(self.environment))
        self.lmdb.mdb_env_set_mapsize(self.environment, ctypes.c_size_t(64 << 30))
        code = self.lmdb.mdb_env_open(self.environment, folder.encode(), MDB_RDONLY, 0o600)
        assert code == 0, code
        code = self.lmdb.mdb_txn_begin(
            self.environment, None, MDB_RDONLY, ctypes.byref(self.transaction)
        )
        assert code == 0, code

    def close(self) -> None:
        self.lmdb.mdb_txn_abort(self.transaction)
        self.lmdb.mdb_env_close(self.environment)


class PagingTest(HubTest):
    async def die(self, hub: RunningHub) -> None:
        error = {"code": "blocked", "message": "blocked", "retryable": False}
        faults = {"reject_users": {"bad-*": error}}
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", faults)
        for first in range(0, LETTERS, 500):
            users = [f"bad-{number}" for number in range(first, first + 500)]
            self.assertEqual((await self.send(hub, users)).status, 200)
        await self.settled()

    async def traffic(self, hub: RunningHub) -> None:
        """Everybody joins or leaves, and it is committed; so that pages are written anew."""
        for is_join in (True, False) * ROUNDS:
            body = dmp.Batch("a", is_join, [f"good-{n}" for n in range(USERS)]).body("B")
            answer = await self.post(hub, body, {"X-HMAC": dmp.sign(KEY, body)})
            self.assertEqual(answer.status, 200)
            await self.settled()
            await self.committed()

    async def committed(self) -> None:
        give_up = asyncio.get_running_loop().time() + WAIT_S
        while True:
            status = await self.result("status")
            if status["committed"] == status["applied"]:
                return
            self.assertLess(asyncio.get_running_loop().time(), give_up, "no commit")
            await asyncio.sleep(0.1)

    def database_bytes(self) -> int:
        return (self.setup.data_dir / "state/data.mdb").stat().st_blocks * 512

    async def growth(self, hub: RunningHub) -> int:
        before = self.database_bytes()
        await self.traffic(hub)
        return self.database_bytes() - before

    async def page(self, hub: RunningHub, query: str) -> Any:
        reader, writer = await asyncio.open_unix_connection(str(hub.admin_socket))
        head = f"GET /v1/dlq{query} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(WAIT_S):
            answer = await reader.read()
        writer.close()
        return json.loads(answer.partition(b"\r\n\r\n")[2])["result"]

    async def test_letters_come_in_pages(self) -> None:
        hub = await self.start()
        await self.die(hub)
        seen: set[str] = set()
        query = ""
        while True:
            page = await self.page(hub, query)
            self.assertLessEqual(len(page["letters"]), PAGE_MAX)
            seen.update(letter["key"] for letter in page["letters"])
            if "next" not in page:
                break
            query = f"?after={page['next']}"
        self.assertEqual(len(seen), LETTERS)
        self.assertEqual(len((await self.result("dlq", "list"))["letters"]), LETTERS)
        await self.stop(hub)

    async def test_a_client_that_stalls_holds_nothing_of_the_database(self) -> None:
        hub = await self.start()
        await self.die(hub)
        await self.traffic(hub)  # the file finds its size
        # More pages than fit the socket, asked for at once, of which only the beginning is read.
        reader, writer = await asyncio.open_unix_connection(str(hub.admin_socket), limit=1024)
        self.addCleanup(writer.transport.abort)
        writer.write(b"GET /v1/dlq HTTP/1.1\r\nHost: hub\r\n\r\n" * 20)
        self.assertTrue((await reader.read(16)).startswith(b"HTTP/1.1 200"))
        self.assertLess(await self.growth(hub), GROWTH_MAX)
        self.assertFalse(reader.at_eof(), "the client was not there any more")

        # What it would be if a transaction were open as long.
        open_transaction = Reader(str(self.setup.data_dir / "state"))
        self.addCleanup(open_transaction.close)
        self.assertGreater(await self.growth(hub), GROWTH_MAX)
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["dead"], LETTERS)
        self.assertEqual(ledger["connection"]["delivered"], 3 * 2 * ROUNDS * USERS)
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
