#!/usr/bin/python3
"""Pangolin and the DMP sender, which the crash tests and the demonstration rely on."""

from __future__ import annotations

import asyncio
import json
import sys
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools/python"))

from syncline_tools import dmp  # noqa: E402
from syncline_tools.http_load import HttpConnection, Unanswered, call  # noqa: E402
from syncline_tools.http_service import HttpService, Reply, Request  # noqa: E402
from syncline_tools.pangolin import Pangolin  # noqa: E402


class PangolinTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.pangolin = Pangolin()
        await self.pangolin.service.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.pangolin.service.stop)

    async def ask(self, method: str, path: str, value: object = None) -> Any:
        answer = await call("127.0.0.1", self.pangolin.service.port, method, path, value)
        return answer.status, answer.json()

    async def send(self, *memberships: tuple[str, str, str]) -> Any:
        items = [
            {"audience": audience, "user": user, "action": action}
            for audience, user, action in memberships
        ]
        return await self.ask("POST", "/v1/memberships", {"memberships": items})

    async def log(self, start: int = 0) -> list[dict[str, Any]]:
        answer = await call(
            "127.0.0.1", self.pangolin.service.port, "GET", f"/control/log?from={start}"
        )
        return [json.loads(line) for line in answer.body.splitlines()]

    async def test_memberships_become_sets_and_ids_are_stable(self) -> None:
        _, first = await self.send(("a", "u2", "add"), ("a", "u1", "add"), ("b", "u1", "add"))
        _, second = await self.send(("a", "u2", "remove"))
        _, state = await self.ask("GET", "/control/state")

        self.assertEqual(state["audiences"], {"a": ["u1"], "b": ["u1"]})
        self.assertEqual(first["results"][0]["id"], second["results"][0]["id"])
        self.assertEqual(
            [(entry["seq"], entry["request"]) for entry in await self.log(2)], [(2, 1), (3, 2)]
        )

    async def test_a_malformed_membership_fails_alone(self) -> None:
        status, answer = await self.send(("a", "u1", "add"), ("a", "u2", "explode"))

        self.assertEqual(status, 200)
        self.assertIn("id", answer["results"][0])
        self.assertEqual(answer["results"][1]["error"]["code"], "invalid_membership")

    async def test_an_audience_is_made_once_and_known_by_both_ids(self) -> None:
        body = {"external_id": "spring", "name": "Spring"}
        made = await self.ask("POST", "/v1/audiences", body)
        repeated = await self.ask("POST", "/v1/audiences", {**body, "name": "Spring 2"})
        await self.send(("a-1", "u1", "add"), ("spring", "u2", "add"))
        _, state = await self.ask("GET", "/control/state")

        self.assertEqual(made, (201, {"id": "a-1", "name": "Spring"}))
        self.assertEqual(repeated, (200, {"id": "a-1", "name": "Spring 2"}))
        self.assertEqual(state["audiences"], {"spring": ["u1", "u2"]})
        self.assertEqual(state["made"], {"spring": {"id": "a-1", "name": "Spring 2"}})
        self.assertEqual((state["memberships"], state["memberships_by_id"]), (2, 1))
        self.assertEqual([entry["audience"] for entry in await self.log()], ["spring", "spring"])

    async def test_an_audience_that_is_deleted_is_gone_with_its_members(self) -> None:
        await self.ask("POST", "/v1/audiences", {"external_id": "spring", "name": "Spring"})
        await self.send(("a-1", "u1", "add"))
        deleted, _ = await self.ask("DELETE", "/v1/audiences/a-1")
        again, _ = await self.ask("DELETE", "/v1/audiences/a-1")
        malformed, _ = await self.ask("POST", "/v1/audiences", {"name": "Spring"})
        _, state = await self.ask("GET", "/control/state")

        self.assertEqual((deleted, again, malformed), (200, 404, 400))
        self.assertEqual((state["audiences"], state["made"]), ({}, {}))

    async def test_rejected_users_are_logged_and_not_applied(self) -> None:
        await self.ask(
            "PUT", "/control", {"reject_users": {"bad-*": {"code": "no", "retryable": True}}}
        )

        _, answer = await self.send(("a", "bad-1", "add"), ("a", "good", "add"))

        self.assertEqual(
            answer["results"][0]["error"],
            {"code": "no", "message": "told to reject", "retryable": True},
        )
        self.assertEqual([entry["applied"] for entry in await self.log()], [False, True])

    async def test_failures_are_counted_down(self) -> None:
        await self.ask("PUT", "/control", {"fail": {"status": 503, "count": 1, "retry_after": 7}})
        port = self.pangolin.service.port

        failed = await call("127.0.0.1", port, "POST", "/v1/memberships", {"memberships": []})
        status, _ = await self.send()

        self.assertEqual((failed.status, failed.headers["retry-after"], status), (503, "7", 200))

    async def test_a_reset_comes_after_the_effect(self) -> None:
        await self.ask("PUT", "/control", {"reset_every": 1})

        with self.assertRaises(Unanswered):
            await self.send(("a", "u", "add"))

        self.assertEqual(
            [(entry["applied"], entry["answered"]) for entry in await self.log()], [(True, False)]
        )

    async def test_an_unknown_setting_is_refused(self) -> None:
        status, answer = await self.ask("PUT", "/control", {"latency": 5})

        self.assertEqual(
            (status, answer), (400, {"error": "control: there is no setting 'latency'"})
        )

    async def test_requests_of_one_connection_are_answered_in_order_and_chunks_are_understood(
        self,
    ) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.pangolin.service.port)
        body = b'{"memberships":[]}'
        chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        writer.write(
            b"POST /v1/memberships HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked
        )
        writer.write(b"GET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n")

        answer = await reader.read()
        writer.close()

        self.assertIn(b'{"results":[]}', answer)
        self.assertLess(answer.index(b"200 OK"), answer.index(b"404 Not Found"))


class SenderTest(unittest.IsolatedAsyncioTestCase):
    """A receiver that fails as it is told and keeps what it acknowledged."""

    KEY = "Jefe"

    async def asyncSetUp(self) -> None:
        self.faults: list[Reply] = []
        self.bodies: list[dict[str, Any]] = []
        self.service = HttpService(self.receive)
        await self.service.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.service.stop)
        self.endpoint = dmp.Endpoint(f"http://127.0.0.1:{self.service.port}/hooks/x", self.KEY)

    def receive(self, request: Request) -> Reply:
        self.assertEqual(request.headers["x-hmac"], dmp.sign(self.KEY, request.body))
        if self.faults:
            return self.faults.pop(0)
        if request.method == "POST" and request.query["type"] != ["VALIDATE"]:
            self.bodies.append(json.loads(request.body))
        return Reply(200)

    def received(self) -> list[dmp.Change]:
        changes = []
        for body in self.bodies:
            for item in body["Mutation"]:
                users = item.get("Users") or [item["User"]]
                changes += [
                    dmp.Change(item["Audience"], user, body["Type"] == dmp.ADD) for user in users
                ]
        return changes

    async def test_whatever_fails_on_the_way_the_final_sets_are_the_expected_ones(self) -> None:
        for variant in ("A", "B"):
            with self.subTest(variant):
                self.bodies.clear()
                self.faults += [
                    Reply(500),
                    Reply(drop=True),
                    Reply(503, headers={"Retry-After": "0"}),
                ]
                changes = list(dmp.changes(1000, 3, seed=7))

                report = await dmp.Sender(self.endpoint, variant).send(changes)

                self.assertEqual(dmp.final_sets(self.received()), dmp.final_sets(changes))
                self.assertEqual((report.changes, report.repeats), (1000, 3))

    async def test_a_refusal_is_not_repeated(self) -> None:
        self.faults.append(Reply(401, b"bad signature"))

        with self.assertRaisesRegex(dmp.RefusedError, "401 bad signature"):
            await dmp.Sender(self.endpoint).send(list(dmp.changes(10, 1, seed=1)))

    async def test_an_audience_is_created_by_one_request_whatever_the_answer(self) -> None:
        self.faults.append(Reply(503, b'{"error":"later"}'))

        refused, _ = await dmp.create_audience(self.endpoint, "spring")
        answer, seconds = await dmp.create_audience(self.endpoint, "spring")

        self.assertEqual((refused.status, refused.json()), (503, {"error": "later"}))
        self.assertEqual(answer.status, 200)
        self.assertGreater(seconds, 0)
        self.assertEqual(
            [(body["Type"], body["Audience"]) for body in self.bodies], [(dmp.CREATE, "spring")]
        )

    async def test_validate_is_sent_by_get_and_by_post(self) -> None:
        sender = dmp.Sender(self.endpoint)
        self.addCleanup(sender.close)

        await sender.validate()

        self.assertEqual(sender.report.requests, 2)


class BatchTest(unittest.TestCase):
    def test_the_signature_is_the_published_vector(self) -> None:
        signature = dmp.sign("Jefe", b"what do ya want for nothing?")

        self.assertEqual(signature, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")

    def test_a_batch_is_full_at_a_hundred_users(self) -> None:
        batcher = dmp.Batcher("a")

        done = [
            batch
            for number in range(250)
            for batch in batcher.add(dmp.Change("a", f"u{number}", True), 0)
        ]

        self.assertEqual([len(batch.users) for batch in done], [100, 100])
        self.assertEqual([len(batch.users) for batch in batcher.flush()], [50])

    def test_a_user_who_turns_round_forces_the_earlier_batch_out_first(self) -> None:
        batcher = dmp.Batcher("a")
        batcher.add(dmp.Change("a", "u", True), 0)

        done = batcher.add(dmp.Change("a", "u", False), 0)

        self.assertEqual([(batch.is_add, batch.users) for batch in done], [(True, ["u"])])

    def test_the_same_seed_makes_the_same_changes(self) -> None:
        self.assertEqual(list(dmp.changes(100, 2, 5)), list(dmp.changes(100, 2, 5)))
        self.assertNotEqual(list(dmp.changes(100, 2, 5)), list(dmp.changes(100, 2, 6)))


class ClientTest(unittest.IsolatedAsyncioTestCase):
    async def test_a_silent_server_is_a_timeout_and_not_a_lost_connection(self) -> None:
        service = HttpService(lambda _request: Reply(hang=True))
        await service.start("127.0.0.1", 0)
        self.addAsyncCleanup(service.stop)

        with self.assertRaises(TimeoutError):
            await HttpConnection("127.0.0.1", service.port).request("GET", "/", deadline_s=0.05)


if __name__ == "__main__":
    unittest.main()
