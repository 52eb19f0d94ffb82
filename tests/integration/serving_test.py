#!/usr/bin/python3
"""The running hub: who gets in, what an operator sees, how it stops, what survives."""

from __future__ import annotations

import asyncio
import json
import signal
import unittest
from typing import Any

from support import KEY, WAIT_S, HubTest, call, dmp

PANGOLIN_DOWN = {"fail": {"status": 503, "count": 1_000_000}}
PANGOLIN_UP: dict[str, Any] = {"fail": {"count": 0}}


class ServingTest(HubTest):
    async def pangolin_is(self, faults: dict[str, Any]) -> None:
        answer = await call("127.0.0.1", self.pangolin_port, "PUT", "/control", faults)
        self.assertEqual(answer.status, 200, answer.body)

    def journal_bytes(self) -> bytes:
        return b"".join(
            file.read_bytes() for file in sorted((self.setup.data_dir / "journal").glob("*.log"))
        )

    async def test_what_is_not_authentic_is_refused_and_leaves_nothing(self) -> None:
        hub = await self.start()
        body = dmp.Batch("a", True, ["intruder"]).body("A")
        right = dmp.sign(KEY, body)
        for headers in (
            {},
            {"X-HMAC": ""},
            {"X-HMAC": dmp.sign("another key", body)},
            {"X-HMAC": right[:-1]},
            {"X-HMAC": f"{right}\r\nX-HMAC: {right}"},
            {"X-HMAC": right, "x-hmac": dmp.sign("another key", body)},
        ):
            with self.subTest(headers):
                answer = await self.post(hub, body, headers)
                self.assertEqual(answer.status, 401)
                self.assertEqual(answer.json()["code"], "intake.not_authentic")
                self.assertNotIn(right.encode(), answer.body)
        tampered = await self.post(hub, body.replace(b"intruder", b"intrudes"), {"X-HMAC": right})
        self.assertEqual(tampered.status, 401)
        self.assertEqual((await self.setup.ledger())["route"].get("received", 0), 0)
        self.assertEqual((await self.send(hub, ["friend"])).status, 200)
        await self.settled()
        await self.stop(hub)
        journal = self.journal_bytes()
        self.assertIn(b"friend", journal)
        self.assertNotIn(b"intru", journal)
        friendly = dmp.sign(KEY, dmp.Batch("a", True, ["friend"]).body("A"))
        self.assertNotIn(friendly.encode(), journal)  # a signature is no business of the disk
        self.assertNotIn(KEY.encode(), journal)

    async def test_routes_methods_and_sizes(self) -> None:
        hub = await self.start()
        self.assertEqual((await self.post(hub, b"{}", {}, "/hooks/nobody")).status, 404)
        self.assertEqual((await self.post(hub, b"{}", {}, "/elsewhere")).status, 404)
        large = b" " * (1024 * 1024 + 1)
        self.assertEqual((await self.post(hub, large, {"X-HMAC": "x"})).status, 413)
        handshake = await call("127.0.0.1", hub.port, "GET", "/hooks/acme-dmp?type=VALIDATE")
        self.assertEqual((handshake.status, handshake.body), (200, b""))
        ledger = await self.until("counted", lambda found: found["route"].get("handshake") == 1)
        self.assertEqual(ledger["route"]["received"], 1)
        await self.stop(hub)

    async def test_a_body_of_a_megabyte_arrives_and_leaves_no_file(self) -> None:
        hub = await self.start()
        users = [f"user-{number:06d}" + "x" * 50 for number in range(12_000)]
        answer = await self.send(hub, users)
        self.assertEqual(answer.status, 200, answer.body)
        self.assertEqual(len(list((self.setup.data_dir / "bodies").iterdir())), 1)
        await self.settled()
        self.assertEqual(len(await self.members()), len(users))
        await self.stop(hub)
        self.assertEqual(list((self.setup.data_dir / "bodies").iterdir()), [])

    async def test_the_status_for_people_and_for_programs(self) -> None:
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1", "u2"])).status, 200)
        await self.settled()
        self.assertEqual((await self.send(hub, ["u1"])).status, 200)
        await self.settled()
        text = await self.syncline("status", key=False)  # the key is the hub's business
        self.assertEqual(text.code, 0, text.err)
        self.assertEqual(
            text.out,
            f"syncline 0.1.0 at {hub.url}\n"
            "route acme-dmp:  received 2  translated 2  dead 0  pending 0\n"
            "connection audiences:  routed 3  delivered 2  unchanged 1  dead 0  pending 0\n"
            "The ledger balances.\n",
        )
        result = await self.result("status")
        self.assertEqual(
            result["ledger"]["connections"]["audiences"],
            {
                "routed": 3, "generated": 0, "delivered": 2, "unchanged": 1, "filtered": 0,
                "superseded": 0, "discarded": 0, "parked": 0, "dead": 0, "pending": 0,
            },
        )  # fmt: skip
        self.assertTrue(result["accepting"])
        await self.stop(hub)

    async def test_a_signal_finishes_what_is_in_flight(self) -> None:
        await self.pangolin_is({"latency_ms": 700})
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"])).status, 200)
        await self.until_requests(1)
        await self.stop(hub)
        hub = await self.start()
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["delivered"], 1)
        await self.stop(hub)
        log = await call("127.0.0.1", self.pangolin_port, "GET", "/control/log")
        self.assertEqual(len(log.body.splitlines()), 1)  # the result was kept: nothing went twice

    async def test_a_second_signal_does_not_wait_for_a_platform_that_hangs(self) -> None:
        await self.pangolin_is({"hang": True})
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1"])).status, 200)
        await self.until_requests(1)
        hub.child.process.send_signal(signal.SIGINT)
        await asyncio.sleep(0.2)
        self.assertIsNone(hub.child.exit_code)
        async with asyncio.timeout(15):
            self.assertEqual(await hub.child.end(signal.SIGTERM, 15), 0)
        await self.pangolin_is({"hang": False})
        hub = await self.start()
        await self.settled()
        self.assertEqual(await self.members(), ["u1"])
        await self.stop(hub)

    async def test_a_removed_connection_parks_and_coming_back_delivers(self) -> None:
        await self.pangolin_is(PANGOLIN_DOWN)
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u1", "u2"])).status, 200)
        await self.until("routed", lambda found: found["connection"].get("pending") == 2)
        await self.stop(hub)
        await self.pangolin_is(PANGOLIN_UP)
        before = (await call("127.0.0.1", self.pangolin_port, "GET", "/control/state")).json()

        self.edit("\n  audiences:\n", "\n  others:\n")
        hub = await self.start()
        self.assertEqual((await self.send(hub, ["u3"])).status, 200)
        ledger = (await self.result("status"))["ledger"]
        self.assertEqual(ledger["connections"]["audiences"]["parked"], 2)
        self.assertEqual(ledger["connections"]["audiences"]["pending"], 0)
        self.assertTrue(ledger["balanced"])
        await self.stop(hub)

        self.edit("\n  others:\n", "\n  audiences:\n")
        hub = await self.start()
        await self.settled()
        self.assertEqual(set(await self.members()) - {"u3"}, {"u1", "u2"})
        ledger = (await self.result("status"))["ledger"]
        self.assertEqual(ledger["connections"]["audiences"]["delivered"], 2)
        self.assertEqual(before["audiences"], {})
        await self.stop(hub)

    async def test_a_platform_that_fails_gets_everything_when_it_is_back(self) -> None:
        hub = await self.start()
        await self.pangolin_is({"fail": {"status": 503, "count": 3}})
        for number in range(20):
            self.assertEqual((await self.send(hub, [f"u{number}"])).status, 200)
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["delivered"], 20)
        self.assertEqual(len(await self.members()), 20)
        await self.stop(hub)

    async def until_requests(self, count: int) -> None:
        """Waits until Pangolin has begun to handle so many requests."""
        async with asyncio.timeout(WAIT_S):
            while True:
                answer = await call("127.0.0.1", self.pangolin_port, "GET", "/control/state")
                if json.loads(answer.body)["requests"] >= count:
                    return
                await asyncio.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
