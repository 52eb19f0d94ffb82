#!/usr/bin/python3
"""More than the hub can take, and an end in the middle of it: nothing acknowledged is lost, and the
rest is told so."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import unittest
from collections import Counter

from support import KEY, ROUTE, WAIT_S, HubTest, RunningHub, call, dmp

BURST_CONNECTIONS = 50
BURST_REQUESTS = 200  # on each of them
IN_FLIGHT = 1_000


def request(user: str, padding: int = 0) -> bytes:
    """A signed change of one user, as it goes over the wire."""
    body = json.dumps({"Mutation": [{"Audience": "a", "Users": [user]}], "x": "x" * padding}).encode()
    return (
        f"POST /hooks/{ROUTE}?type=ADD_TO_AUDIENCE HTTP/1.1\r\nHost: hub\r\n"
        f"Content-Length: {len(body)}\r\nX-HMAC: {dmp.sign(KEY, body)}\r\n\r\n"
    ).encode() + body


async def read_status(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]] | None:
    """The next answer; None when the connection ends before one begins. An answer that is cut off
    raises."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as ended:
        if ended.partial:
            raise
        return None
    except ConnectionResetError:
        return None
    lines = head.split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
    await reader.readexactly(int(headers.get("content-length", "0")))
    return int(lines[0].split(" ")[1]), headers


class LoadTest(HubTest):
    def prepare(self, **deliver: int) -> None:
        # Two descriptors for each connection of the client's, of which there may be 1,000.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8_192)), hard))
        url = f"http://127.0.0.1:{self.pangolin_port}"
        limits = {"connections_per_ip_max": 0, "pending_bytes_max": 1024 * 1024}
        deliver = {"batch_wait_ms": 10, "retry_base_ms": 50, "retry_max_ms": 200}
        self.setup.prepare(url, deliver, limits=limits)

    async def burst(self, hub: RunningHub, number: int) -> list[str]:
        """Sends many requests without waiting for answers; returns the users acknowledged."""
        users = [f"u{number}-{index}" for index in range(BURST_REQUESTS)]
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        taken: list[str] = []
        try:
            writer.write(b"".join(request(user, padding=600) for user in users))
            for user in users:
                answer = await read_status(reader)
                assert answer is not None, "the hub closed a connection of a burst"
                status, headers = answer
                self.answers[status] += 1
                if status == 200:
                    taken.append(user)
                else:
                    self.assertEqual(status, 503)
                    self.assertGreater(int(headers["retry-after"]), 0)
        finally:
            writer.transport.abort()
        return taken

    async def test_a_burst_beyond_the_limit_is_refused_without_collapse(self) -> None:
        """[E12] [A8]"""
        self.answers: Counter[int] = Counter()
        down = {"fail": {"status": 503, "count": 1_000_000}}
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", down)
        hub = await self.start()
        async with asyncio.timeout(120):
            bursts = [self.burst(hub, number) for number in range(BURST_CONNECTIONS)]
            taken = [user for users in await asyncio.gather(*bursts) for user in users]
        self.assertEqual(self.answers.total(), BURST_CONNECTIONS * BURST_REQUESTS)
        self.assertGreater(self.answers[200], 0)
        self.assertGreater(self.answers[503], 0)
        self.assertEqual((await self.setup.ledger())["route"]["received"], len(taken))

        # It is itself again as soon as the backlog goes down: not one that was taken is missing.
        await call("127.0.0.1", self.pangolin_port, "PUT", "/control", {"fail": {"count": 0}})
        await self.settled()
        self.assertEqual(set(await self.members()), set(taken))
        self.assertEqual((await self.send(hub, ["afterwards"])).status, 200)
        await self.settled()
        await self.stop(hub)

    async def test_a_client_too_many_is_told_to_come_again(self) -> None:
        self.edit("connections_per_ip_max: 0", "connections_per_ip_max: 1")
        hub = await self.start()
        _, first = await asyncio.open_connection("127.0.0.1", hub.port)
        try:
            reader, second = await asyncio.open_connection("127.0.0.1", hub.port)
            async with asyncio.timeout(WAIT_S):
                answer = await read_status(reader)
            second.close()
        finally:
            first.transport.abort()
        assert answer is not None
        self.assertEqual((answer[0], answer[1]["retry-after"]), (503, "1"))
        await self.stop(hub)

    async def test_a_signal_with_1_000_requests_in_flight_loses_nothing(self) -> None:
        """[H10]"""
        hub = await self.start()
        users = [f"u{number}" for number in range(IN_FLIGHT)]
        streams = []
        for _ in users:
            streams.append(await asyncio.open_connection("127.0.0.1", hub.port))
        # Half of them lack their last byte when the signal comes; of these, half send it then.
        for number, (user, (_, writer)) in enumerate(zip(users, streams, strict=True)):
            writer.write(request(user)[: -1 if number % 2 else None])
        await asyncio.gather(*(writer.drain() for _, writer in streams))
        hub.child.process.send_signal(signal.SIGTERM)
        for number, (_, writer) in enumerate(streams):
            if number % 4 == 1:
                writer.write(b"}")
        async with asyncio.timeout(60):
            answers = await asyncio.gather(*(read_status(reader) for reader, _ in streams))
            self.assertEqual(await hub.child.process.wait(), 0)
        for _, writer in streams:
            writer.transport.abort()
        statuses = Counter(answer[0] if answer else None for answer in answers)
        self.assertLessEqual(set(statuses), {200, 408, 503, None}, statuses)
        self.assertEqual(sum(1 for answer in answers[3::4] if answer and answer[0] == 200), 0)
        taken = {user for user, answer in zip(users, answers, strict=True)
                 if answer and answer[0] == 200}  # fmt: skip

        hub = await self.start()
        ledger = await self.settled()
        # What was answered is there; what was not may be, if its answer found nobody any more.
        self.assertGreaterEqual(ledger["route"].get("received", 0), len(taken))
        self.assertLessEqual(taken, set(await self.members()))
        self.assertTrue(ledger["balanced"])
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
