#!/usr/bin/python3
"""An account's credentials on the requests of its connector, as a platform sees them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import shutil
import unittest
from typing import Any

from support import BINARY, HERE, WAIT_S, HubTest
from syncline_tools.http_load import HttpConnection
from syncline_tools.http_service import HttpService, Reply, Request

CONNECTORS = BINARY.resolve().parent.parent / "connectors"
SECRET = "canary-9f8e7d6c5b"
ANN = {"id": "u1", "name": "Ann", "email": "ann@example.com"}


def mac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def aws_signature(request: Request, names: list[str], scope: str) -> str:
    """What AWS would compute: written from its documentation, not from the hub's code."""
    date = request.headers["x-amz-date"]
    lines = "".join(f"{name}:{request.headers[name].strip()}\n" for name in names)
    payload = hashlib.sha256(request.body).hexdigest()
    canonical = f"{request.method}\n{request.path}\n\n{lines}\n{';'.join(names)}\n{payload}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    key = ("AWS4" + SECRET).encode()
    for part in scope.split("/"):
        key = mac(key, part)
    return mac(key, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}").hex()


class AuthTest(HubTest):
    async def ask(self, auth: str, status: int = 200) -> Request:
        """The first request that a platform gets when a record is delivered with these credentials."""
        seen: list[Request] = []

        def handle(request: Request) -> Reply:
            seen.append(request)
            return Reply(status, b'{"id": 17}')

        crm = HttpService(handle)
        await crm.start("127.0.0.1", 0)
        self.addAsyncCleanup(crm.stop)
        for file in CONNECTORS.glob("*.so"):
            shutil.copy(file, self.setup.connectors_dir)
        page = (HERE.parents[1] / "plugins/http/README.md").read_text(encoding="utf-8")
        text = page.split("```yaml\n")[1].split("```")[0]
        text = text.replace("https://crm.example.com", f"http://127.0.0.1:{crm.port}")
        text = text.replace("127.0.0.1:8080", "127.0.0.1:0")
        text = text.replace('      authorization: "Bearer ${CRM_TOKEN}"\n', "")
        self.assertNotIn("CRM_TOKEN", text)
        text = text.replace("connector: http\n", f"connector: http\n    auth: {auth}\n")
        self.assertIn(auth, text)
        text = text.replace("triggers:", "deliver: { batch_wait_ms: 10 }\n    triggers:")
        self.setup.config.write_text(text, encoding="utf-8")
        hub = await self.start({"CRM_SECRET": SECRET})
        connection = HttpConnection("127.0.0.1", hub.port)
        headers = {"Content-Type": "application/json"}
        body = json.dumps(ANN).encode()
        answer = await connection.request("POST", "/hooks/shop", body, headers, WAIT_S)
        connection.close()
        self.assertEqual(answer.status, 202)
        async with asyncio.timeout(WAIT_S):
            while not seen:
                await asyncio.sleep(0.02)
        if status == 400:
            await self.letter_is_told()
        await self.stop(hub)
        self.nothing_is_told()
        return seen[0]

    async def letter_is_told(self) -> None:
        async with asyncio.timeout(WAIT_S):
            while True:
                letters = (await self.result("dlq", "list"))["letters"]
                if letters:
                    break
                await asyncio.sleep(0.05)
        self.assertNotIn(SECRET, json.dumps(await self.result("dlq", "show", str(letters[0]["id"]))))

    def nothing_is_told(self) -> None:
        """Neither the data directory nor a log has the secret."""
        for file in self.folder.rglob("*"):
            if file.is_file():
                self.assertNotIn(SECRET.encode(), file.read_bytes(), file)

    async def test_a_bearer_token_is_added(self) -> None:
        request = await self.ask('{ scheme: bearer, token: "${CRM_SECRET}" }')
        self.assertEqual(request.headers["authorization"], f"Bearer {SECRET}")
        self.assertEqual(json.loads(request.body), ANN)

    async def test_a_key_in_the_query_stands_in_no_dead_letter(self) -> None:
        request = await self.ask('{ scheme: api_key, query: key, key: "${CRM_SECRET}" }', 400)
        self.assertEqual(request.query["key"], [SECRET])

    async def test_a_template_says_what_hmac_signs(self) -> None:
        request = await self.ask(
            '{ scheme: hmac, key: "${CRM_SECRET}", key_id: k1, '
            'signed: "{method}\\n{timestamp}\\n{path}{body}", '
            'headers: { X-Key: "{key_id}", X-Time: "{timestamp}", X-Signature: "v1={signature}" } }'
        )
        signed = f"{request.method}\n{request.headers['x-time']}\n{request.path}{request.body.decode()}"
        self.assertEqual(request.headers["x-signature"], "v1=" + mac(SECRET.encode(), signed).hex())
        self.assertEqual(request.headers["x-key"], "k1")

    async def test_aws_would_take_the_signature(self) -> None:
        request = await self.ask(
            '{ scheme: aws_sigv4, access_key_id: AKID, secret_access_key: "${CRM_SECRET}", '
            "region: eu-west-1, service: execute-api }"
        )
        value = request.headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ")
        fields: dict[str, Any] = dict(item.split("=", 1) for item in value.split(", "))
        key, scope = fields["Credential"].split("/", 1)
        self.assertEqual(key, "AKID")
        self.assertEqual(scope, request.headers["x-amz-date"][:8] + "/eu-west-1/execute-api/aws4_request")
        names = fields["SignedHeaders"].split(";")
        self.assertIn("host", names)
        self.assertEqual(fields["Signature"], aws_signature(request, names, scope))

    async def test_another_host_gets_nothing(self) -> None:
        request = await self.ask(
            '{ scheme: bearer, token: "${CRM_SECRET}", hosts: [crm.example.com] }'
        )
        self.assertNotIn("authorization", request.headers)


if __name__ == "__main__":
    unittest.main()
