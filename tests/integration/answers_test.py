#!/usr/bin/python3
"""Senders who wait for the outcome: each gets its own, or an event's id that leads to it."""

from __future__ import annotations

import asyncio
import json
import resource
import signal
import unittest
from collections import Counter
from typing import Any

from support import KEY, ROUTE, WAIT_S, HubTest, RunningHub, call, dmp

SENDERS = 1_000
REFUSED_EVERY = 20  # 5 %
PATIENCE_S = 120.0
ATTEMPTS = 10
ANSWER = "        success_status: 200\n"


def audience_of(user: str) -> str:
    return f"a{user}"  # so that each request is a key of its own


class AnswersTest(HubTest):
    gate = asyncio.Semaphore(50)

    def prepare(self, **deliver: int) -> None:
        # Two descriptors for each connection of the senders.
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8_192)), hard))
        url = f"http://127.0.0.1:{self.pangolin_port}"
        deliver = {"batch_wait_ms": 3_600_000, "retry_base_ms": 50, "retry_max_ms": 200}
        self.setup.prepare(url, deliver, limits={"connections_per_ip_max": 0})
        self.configure()

    def configure(self, **extra: int) -> None:
        lines = {"answer": "outcome", "message_id": "{ header: X-Id }", **extra}
        self.edit(ANSWER, ANSWER + "".join(f"        {key}: {lines[key]}\n" for key in lines))

    async def control(self, **faults: object) -> None:
        answer = await call("127.0.0.1", self.pangolin_port, "PUT", "/control", faults)
        self.assertEqual(answer.status, 200)

    async def ask(self, hub: RunningHub, user: str, attempts: int = 1) -> tuple[int, dict[str, Any]]:
        """The answer for one change; without one it is sent again, which is the same change."""
        body = dmp.Batch(audience_of(user), True, [user]).body("A")
        headers = {"X-HMAC": dmp.sign(KEY, body), "X-Id": f"id-{user}", "Content-Length": len(body)}
        head = f"POST /hooks/{ROUTE}?type=ADD_TO_AUDIENCE HTTP/1.1\r\nHost: hub\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        for left in reversed(range(attempts)):
            try:
                async with asyncio.timeout(PATIENCE_S):
                    return await self.exchange(hub, head.encode() + b"\r\n" + body)
            except (EOFError, ConnectionError):  # a machine so slow that the head came too late
                if left == 0:
                    raise
        raise AssertionError("no attempt")

    async def exchange(self, hub: RunningHub, request: bytes) -> tuple[int, dict[str, Any]]:
        async with self.gate:
            reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
            writer.write(request)
        try:
            lines = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
            (length,) = (line[15:] for line in lines if line.startswith("content-length:"))
            return int(lines[0].split(" ")[1]), json.loads(await reader.readexactly(int(length)))
        finally:
            writer.transport.abort()

    async def event(self, hub: RunningHub, event_id: str) -> tuple[int, dict[str, Any]]:
        """What the operator's socket says of an event."""
        reader, writer = await asyncio.open_unix_connection(str(hub.admin_socket))
        head = f"GET /v1/events/{event_id} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        async with asyncio.timeout(WAIT_S):
            answer = await reader.read()
        writer.close()
        top, _, body = answer.partition(b"\r\n\r\n")
        return int(top.split(b" ")[1]), json.loads(body)

    async def outcome(self, hub: RunningHub, event_id: str) -> dict[str, Any]:
        """The one record of an event, when it has ended."""
        give_up = asyncio.get_running_loop().time() + WAIT_S
        while True:
            status, found = await self.event(hub, event_id)
            self.assertEqual(status, 200, found)
            if found["result"]["is_complete"]:
                (record,) = found["result"]["records"]
                return dict(record)
            self.assertLess(asyncio.get_running_loop().time(), give_up, found)
            await asyncio.sleep(0.05)

    async def test_each_of_a_thousand_gets_its_own_outcome(self) -> None:
        users = [f"u{number}" for number in range(SENDERS)]
        refused = set(users[::REFUSED_EVERY])
        await self.control(
            latency_ms=5,
            latency_jitter_ms=495,
            reject_users={
                user: {"code": f"no-{user}", "message": f"{user} is refused", "retryable": False}
                for user in refused
            },
        )
        hub = await self.start()
        answers = await asyncio.gather(*(self.ask(hub, user, ATTEMPTS) for user in users))
        seen: Counter[int] = Counter()
        ids: set[str] = set()
        for user, (status, answer) in zip(users, answers, strict=True):
            seen[status] += 1
            event = answer["event"]
            record = await self.outcome(hub, event)
            self.assertEqual(record["key"], f"{audience_of(user)}/{user}")
            if status == 504:
                self.assertEqual(answer["code"], "intake.outcome_late")
                self.assertEqual(record["status"], "dead" if user in refused else "delivered")
            elif user in refused:
                self.assertEqual((status, answer["status"]), (422, "failed"), answer)
                self.assertEqual(answer["provider_code"], f"no-{user}")
                self.assertEqual(record["failure"]["code"], f"no-{user}")
            else:
                self.assertEqual((status, answer["status"]), (200, "delivered"), answer)
                self.assertEqual(record["id"], answer["id"])
                ids.add(answer["id"])
        self.assertEqual(seen[200] + seen[422] + seen[504], SENDERS, seen)
        self.assertEqual(len(ids), seen[200])
        ledger = await self.settled()
        self.assertTrue(ledger["balanced"])
        self.assertEqual(ledger["connection"]["dead"], len(refused))
        self.assertEqual(ledger["connection"]["delivered"], SENDERS - len(refused))
        await self.stop(hub)

    async def test_a_kill_loses_no_outcome(self) -> None:
        self.setup.prepare(f"http://127.0.0.1:{self.pangolin_port}", {"retry_base_ms": 50})
        self.configure(answer_timeout_ms=500)
        await self.control(hang=True)
        hub = await self.start()
        late = [f"late{number}" for number in range(10)]
        events: dict[str, str] = {}
        for user, (status, answer) in zip(
            late, await asyncio.gather(*(self.ask(hub, user) for user in late)), strict=True
        ):
            self.assertEqual((status, answer["code"]), (504, "intake.outcome_late"), answer)
            events[user] = answer["event"]
        cut_off = [f"cut{number}" for number in range(10)]
        waiting = [asyncio.create_task(self.ask(hub, user)) for user in cut_off]
        await self.until("all have come", lambda ledger: ledger["route"].get("received") == 20)
        await hub.child.end(signal.SIGKILL)
        await asyncio.gather(*waiting, return_exceptions=True)

        await self.control(hang=False)
        self.setup.prepare(f"http://127.0.0.1:{self.pangolin_port}", {"retry_base_ms": 50})
        self.configure()
        hub = await self.start()
        for user in late:
            record = await self.outcome(hub, events[user])
            self.assertEqual((record["status"], record["key"]), ("delivered", f"a{user}/{user}"))
        for user in late + cut_off:
            status, answer = await self.ask(hub, user)
            self.assertEqual((status, answer["status"]), (200, "delivered"), answer)
            if user in events:
                self.assertEqual(answer["event"], events[user])
            else:
                self.assertEqual((await self.outcome(hub, answer["event"]))["id"], answer["id"])
        ledger = await self.settled()
        self.assertEqual(ledger["connection"]["delivered"], 20)
        self.assertTrue(ledger["balanced"])
        await self.stop(hub)

    async def test_who_waits_when_the_hub_stops_is_told_the_event(self) -> None:
        await self.control(latency_ms=500)
        hub = await self.start()
        waiting = asyncio.create_task(self.ask(hub, "u1"))
        await self.until("it has come", lambda ledger: ledger["route"].get("translated") == 1)
        await self.stop(hub)
        status, answer = await waiting
        if status != 200:  # it was in time
            self.assertEqual((status, answer["code"]), (503, "intake.interrupted"))
        hub = await self.start()
        self.assertEqual((await self.outcome(hub, answer["event"]))["status"], "delivered")
        await self.stop(hub)

    async def test_an_answer_in_words(self) -> None:
        hub = await self.start()
        body = b"no JSON"
        headers = {"X-HMAC": dmp.sign(KEY, body), "X-Id": "1", "Accept": "text/plain"}
        answer = await self.post(hub, body, headers)
        self.assertEqual((answer.status, answer.headers["content-type"]), (422, "text/plain; charset=utf-8"))
        self.assertTrue(answer.body.startswith(b"the request can't be understood: "), answer.body)
        status, nothing = await self.event(hub, "1.999")
        self.assertEqual((status, nothing["code"]), (404, "admin.not_found"))
        status, nothing = await self.event(hub, "soon")
        self.assertEqual(status, 400)
        await self.stop(hub)

    async def test_whose_outcome_it_is_must_be_clear(self) -> None:
        text = self.setup.config.read_text(encoding="utf-8")
        second = text[text.index("  audiences:\n") :].replace("audiences:", "copies:", 1)
        begin, end = second.index("        verify:"), second.index("    map:")
        self.setup.config.write_text(text + second[:begin] + second[end:], encoding="utf-8")
        ended = await self.syncline("validate")
        self.assertEqual(ended.code, 2)
        line = text[: text.index("        answer: outcome")].count("\n") + 1
        self.assertIn(f"syncline.yaml:{line}:17: config.answer_ambiguous: ", ended.out + ended.err)
        self.edit("        answer: outcome\n", "        answer: outcome\n        answer_from: copies\n")
        self.assertEqual((await self.syncline("validate")).code, 0)
        self.edit("answer_from: copies", "answer_from: nobody")
        self.assertEqual((await self.syncline("validate")).code, 2)


if __name__ == "__main__":
    unittest.main()
