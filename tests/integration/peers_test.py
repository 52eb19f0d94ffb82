#!/usr/bin/python3
"""Webhooks that the official libraries of Standard Webhooks and Svix signed, sent to a running hub; and requests
that the hub signed by a template, verified by those libraries."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import shutil
import sys
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path

PEERS = Path(__file__).resolve().parents[2] / "build/peers"
SKIPPED = 77
if not (PEERS / "installed.txt").exists():
    print("skipped: tools/python-peers has installed nothing below build/peers")
    sys.exit(SKIPPED)
sys.path.append(str(next((PEERS / "lib").glob("python3*/site-packages"))))

import standardwebhooks  # noqa: E402
import svix.webhooks  # noqa: E402
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402
from support import BINARY, WAIT_S, HubTest, RunningHub, dmp  # noqa: E402
from syncline_tools.http_load import HttpConnection  # noqa: E402
from syncline_tools.http_service import HttpService, Reply, Request  # noqa: E402

VERIFY = '- { scheme: hmac, preset: mapp, key: "${ACME_DMP_KEY}" }'


def new_key() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


class PeersTest(HubTest):
    async def start_with(self, preset: str, *keys: str) -> RunningHub:
        variables = {f"PEER_KEY_{number}": key for number, key in enumerate(keys)}
        listed = ", ".join(f'{{ key: "${{{name}}}", name: k{name[-1]} }}' for name in variables)
        self.edit(VERIFY, f"- {{ scheme: hmac, preset: {preset}, keys: [{listed}] }}")
        return await self.start(variables)

    @staticmethod
    def headers(
        library: standardwebhooks.Webhook | svix.webhooks.Webhook,
        prefix: str,
        message_id: str,
        body: bytes,
        at: datetime | None = None,
    ) -> dict[str, str]:
        at = at or datetime.now(tz=UTC)
        return {
            f"{prefix}-id": message_id,
            f"{prefix}-timestamp": str(int(at.timestamp())),
            f"{prefix}-signature": library.sign(message_id, at, body.decode()),
        }

    async def check(self, library: type, preset: str, prefix: str) -> None:
        old, new = new_key(), new_key()
        hub = await self.start_with(preset, old, new)
        body = dmp.Batch("a", True, ["ann"]).body("A")
        for number, key in enumerate((old, new, new)):
            signed = self.headers(library(key), prefix, f"msg_{number}", body)
            answer = await self.post(hub, body, signed)
            self.assertEqual(answer.status, 200, answer.body)
        # A repeat has the same id and a new timestamp: it is taken, and has no second effect.
        answer = await self.post(hub, body, self.headers(library(new), prefix, "msg_0", body))
        self.assertEqual(answer.status, 200, answer.body)

        right = self.headers(library(new), prefix, "msg_9", body)
        for wrong, code in (
            (self.headers(library(new_key()), prefix, "msg_9", body), "intake.not_authentic"),
            ({**right, f"{prefix}-id": "msg_8"}, "intake.not_authentic"),
            ({**right, f"{prefix}-timestamp": "1"}, "intake.not_authentic"),
            ({}, "intake.not_authentic"),
            (
                self.headers(
                    library(new), prefix, "msg_9", body, datetime.now(tz=UTC) - timedelta(hours=1)
                ),
                "intake.stale",
            ),
            (
                self.headers(
                    library(new), prefix, "msg_9", body, datetime.now(tz=UTC) + timedelta(hours=1)
                ),
                "intake.stale",
            ),
        ):
            answer = await self.post(hub, body, wrong)
            self.assertEqual((answer.status, answer.json()["code"]), (401, code), wrong)
        answer = await self.post(hub, body + b" ", right)
        self.assertEqual(answer.status, 401)

        ledger = await self.settled()
        self.assertEqual((ledger["route"]["received"], ledger["route"]["duplicate"]), (4, 1), ledger)
        self.assertEqual(await self.members(), ["ann"])
        uses = await self.key_uses(hub)
        self.assertEqual(uses, {"k0": 1.0, "k1": 3.0})
        await self.stop(hub)

    async def key_uses(self, hub: RunningHub) -> dict[str, float]:
        reader, writer = await asyncio.open_unix_connection(str(hub.admin_socket))
        try:
            writer.write(b"GET /metrics HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
            async with asyncio.timeout(WAIT_S):
                text = (await reader.read()).decode()
        finally:
            writer.close()
        return {
            sample.labels["key"]: sample.value
            for family in text_string_to_metric_families(text.partition("\r\n\r\n")[2])
            for sample in family.samples
            if sample.name == "syncline_webhook_key_uses_total"
        }

    async def test_standard_webhooks(self) -> None:
        await self.check(standardwebhooks.Webhook, "standard_webhooks", "webhook")

    async def test_svix(self) -> None:
        await self.check(svix.webhooks.Webhook, "svix", "svix")

    async def signed_by_the_hub(self, prefix: str, key: str) -> list[Request]:
        """Two attempts with one record, of which the platform refuses the first."""
        seen: list[Request] = []

        def handle(request: Request) -> Reply:
            seen.append(request)
            return Reply(503 if len(seen) == 1 else 200, b"{}", {"Retry-After": "0"})

        platform = HttpService(handle)
        await platform.start("127.0.0.1", 0)
        self.addAsyncCleanup(platform.stop)
        for file in (BINARY.resolve().parent.parent / "connectors").glob("*.so"):
            shutil.copy(file, self.setup.connectors_dir)
        self.setup.config.write_text(
            f"""version: 1
hub: {{ data_dir: ./data, connectors_dir: ./connectors, listen: "127.0.0.1:0" }}
accounts:
  shop: {{ connector: webhook, settings: {{ key: /id }} }}
  receiver:
    connector: http
    settings: {{ url: "http://127.0.0.1:{platform.port}/hook", idempotency_header: {prefix}-id }}
    auth:
      scheme: hmac
      key: "${{RECEIVER_KEY}}"
      encoding: base64
      signed: "{{header:{prefix}-id}}.{{timestamp}}.{{body}}"
      headers: {{ {prefix}-timestamp: "{{timestamp}}", {prefix}-signature: "v1,{{signature}}" }}
connections:
  people:
    from: {{ account: shop, stream: records }}
    to: {{ account: receiver, stream: records }}
    deliver: {{ batch_wait_ms: 10, retry_base_ms: 50, retry_max_ms: 200 }}
    triggers: {{ webhook: {{ name: shop, verify: none }} }}
""",
            encoding="utf-8",
        )
        hub = await self.start({"RECEIVER_KEY": key})
        connection = HttpConnection("127.0.0.1", hub.port)
        body = json.dumps({"id": "u1", "name": "Zoë"}).encode()
        headers = {"Content-Type": "application/json"}
        answer = await connection.request("POST", "/hooks/shop", body, headers, WAIT_S)
        connection.close()
        self.assertEqual(answer.status, 202)
        async with asyncio.timeout(WAIT_S):
            while len(seen) < 2:
                await asyncio.sleep(0.02)
        await self.stop(hub)
        return seen

    async def test_the_libraries_take_what_the_hub_signs(self) -> None:
        """A key is text here: one that a platform gives as the base64 of any bytes can't be written."""
        key = "a key of thirty-two characters.."
        written = "whsec_" + base64.b64encode(key.encode()).decode()
        for library, prefix, error in (
            (standardwebhooks.Webhook, "webhook", standardwebhooks.WebhookVerificationError),
            (svix.webhooks.Webhook, "svix", svix.webhooks.WebhookVerificationError),
        ):
            with self.subTest(prefix=prefix):
                shutil.rmtree(self.setup.data_dir, ignore_errors=True)
                first, second = await self.signed_by_the_hub(prefix, key)
                self.assertEqual(first.headers[f"{prefix}-id"], second.headers[f"{prefix}-id"])
                for request in (first, second):
                    library(written).verify(request.body, request.headers)  # raises when it is wrong
                    with self.assertRaises(error):
                        library(written).verify(request.body + b" ", request.headers)
                    with self.assertRaises(error):
                        library(new_key()).verify(request.body, request.headers)


if __name__ == "__main__":
    unittest.main()
