#!/usr/bin/python3
"""`connectors record`: what a connector and its platform say to each other, kept without secrets."""

from __future__ import annotations

import base64
import json
import shutil
import unittest
from typing import Any

from support import BINARY, Ended, HubTest
from syncline_tools.http_service import HttpService, Reply, Request

CONNECTORS = BINARY.resolve().parent.parent / "connectors"
PLANTED = "s3cr3t-pl4nted/in+here"
TOKEN = "bearer-token-of-the-hub"
CONFIG = """\
version: 1
hub:
  data_dir: ./data
  connectors_dir: ./connectors
  listen: 127.0.0.1:0
accounts:
  crm:
    connector: http
    settings:
      url: "http://127.0.0.1:{port}/v1/${{PLANTED_SECRET}}/{{key}}?api_key=short&q=${{PLANTED_SECRET}}"
      headers: {{ X-Site: "site ${{PLANTED_SECRET}}", X-Signature: abc }}
    auth: {auth}
  shop: {{ connector: webhook, settings: {{ key: /id }} }}
connections:
  crm:
    from: {{ account: shop, stream: records }}
    to: {{ account: crm, stream: records }}
    triggers:
      webhook: {{ name: shop, verify: none }}
"""
BEARER = '{ scheme: bearer, token: "${TOKEN}" }'


class RecordTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.seen: list[Request] = []
        self.crm = HttpService(self.handle)
        await self.crm.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.crm.stop)
        for file in CONNECTORS.glob("*.so"):
            shutil.copy(file, self.setup.connectors_dir)
        self.configure(BEARER)
        self.records = self.folder / "records.jsonl"
        self.output = self.folder / "cassette.json"

    def configure(self, auth: str) -> None:
        self.setup.config.write_text(CONFIG.format(port=self.crm.port, auth=auth), encoding="utf-8")

    def handle(self, request: Request) -> Reply:
        """A platform that repeats what it was sent, as many do in their errors."""
        self.seen.append(request)
        if b"limit" in request.body:
            return Reply(429, b'{"error": "slow down"}', {"Retry-After": "7"})
        heard = {"token": request.headers["authorization"], "path": request.path, "said": request.body.decode()}
        return Reply(200, json.dumps(heard).encode(), {"Content-Type": "application/json", "X-Echo": PLANTED})

    async def record(self, *records: object, stream: str = "records") -> Ended:
        self.records.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return await self.syncline(
            "connectors", "record", "crm", "--stream", stream, "--records", str(self.records),
            "--output", str(self.output), environment={"PLANTED_SECRET": PLANTED, "TOKEN": TOKEN},
        )  # fmt: skip

    def cassette(self) -> list[dict[str, Any]]:
        read = json.loads(self.output.read_text(encoding="utf-8"))
        self.assertEqual(read["syncline_cassette"], 1)
        exchanges: list[dict[str, Any]] = read["exchanges"]
        return exchanges

    async def test_no_secret_is_in_a_cassette_and_the_platform_got_them_all(self) -> None:
        basic = base64.b64encode(f"user:{PLANTED}".encode()).decode()
        body = {"plain": PLANTED, "basic": basic, "name": "Björk"}
        ended = await self.record({"key": "u/1", "record": body})
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("Recorded 1 exchange", ended.out)

        self.assertEqual(self.seen[0].headers["authorization"], f"Bearer {TOKEN}")
        self.assertEqual(self.seen[0].headers["x-site"], f"site {PLANTED}")
        self.assertEqual(json.loads(self.seen[0].body), body)
        text = self.output.read_text(encoding="utf-8")
        for secret in (PLANTED, PLANTED.replace("/", "%2F"), TOKEN, basic, basic[10:26], "short"):
            self.assertNotIn(secret, text)
        (exchange,) = self.cassette()
        request = exchange["request"]
        self.assertEqual(request["headers"]["X-Signature"], "[redacted]")
        self.assertEqual(request["headers"]["X-Site"], "site [redacted]")
        self.assertNotIn("authorization", {name.lower() for name in request["headers"]})
        self.assertTrue(request["url"].endswith("?api_key=[redacted]&q=[redacted]"), request["url"])
        self.assertEqual(request["body"]["name"], "Björk")
        self.assertEqual(exchange["response"]["body"]["token"], "[redacted]")

    async def test_what_fails_is_recorded_as_well_and_told(self) -> None:
        ended = await self.record(
            {"op": "upsert", "key": "u1", "record": {"limit": 1}},
            {"op": "upsert", "key": "u1", "record": {"name": "Ann"}},
            {"op": "delete", "key": "u2"},
        )
        self.assertEqual(ended.code, 0, ended.err)
        self.assertIn("answered 429: slow down", ended.out)
        self.assertIn("key u2: the settings do not say how to delete", ended.out)
        self.assertIn("3 records, of which 1 done", ended.out)
        limited, fine = self.cassette()
        self.assertEqual(limited["response"]["headers"]["retry-after"], "7")
        self.assertEqual(fine["request"]["body"], {"name": "Ann"})

        await self.crm.stop()
        self.assertEqual((await self.record({"key": "u1", "record": {}})).code, 0)
        (lost,) = self.cassette()
        self.assertFalse(lost["may_have_been_processed"])
        self.assertNotIn("response", lost)

    async def test_what_can_not_be_recorded_is_told_before_anything_is_sent(self) -> None:
        fine = {"key": "u1", "record": {}}
        for records, stream, what in (
            ([fine, {"record": {}}], "records", f"{self.records}:2: app.records_invalid"),
            ([fine, {"key": "u2"}], "records", f"{self.records}:2: app.records_invalid"),
            ([{"op": "merge", **fine}], "records", "app.records_invalid"),
            ([], "records", "app.records_invalid"),
            ([fine], "nowhere", "app.unknown_stream"),
        ):
            with self.subTest(what=what, stream=stream):
                ended = await self.record(*records, stream=stream)
                self.assertEqual(ended.code, 2)
                self.assertIn(what, ended.err)
        self.configure("{ scheme: oauth2, grant: client_credentials, token_url: \"http://127.0.0.1:1/t\", "
                       "client_id: a, client_secret: \"${TOKEN}\" }")  # fmt: skip
        refused = await self.record(fine)
        self.assertEqual(refused.code, 2)
        self.assertIn("gets its tokens from the hub", refused.err)
        self.assertEqual((self.seen, self.output.exists()), ([], False))


if __name__ == "__main__":
    unittest.main()
