#!/usr/bin/python3
"""What the hub signs for AWS and Azure, sent to servers of others that verify it.

S3: OpenStack Swift's interface (tests/peers/swift_s3.py says where it is laxer than AWS). Other services of
AWS: botocore, Amazon's own library, computes the signature of what has arrived. Azure: Azurite, Microsoft's
emulator. It is laxer than Azure: a SAS may be used without TLS when it says so, and SharedKey signs no body
in either, only its length and Content-MD5.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import shutil
import sys
import unittest
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

SKIPPED = 77
try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    import swift.common.middleware.s3api  # noqa: F401
except ImportError as missing:
    print(f"skipped: {missing.name} is not installed (tools/packages-test.txt)")
    sys.exit(SKIPPED)

from support import BINARY, HERE, WAIT_S, HubTest, run  # noqa: E402
from syncline_tools import processes  # noqa: E402
from syncline_tools.http_load import HttpConnection  # noqa: E402
from syncline_tools.http_service import HttpService, Reply, Request  # noqa: E402

ROOT = HERE.parents[1]
SENDER = Path(os.environ.get("SYNCLINE_SEND_SIGNED", BINARY.resolve().parent / "send_signed"))
CONNECTORS = BINARY.resolve().parent.parent / "connectors"
AZURITE = ROOT / "build/node-peers/node_modules/azurite/dist/src/blob/main.js"
REGION, KEY_ID, SECRET = "eu-west-1", "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "a/token+of=one session"
ACCOUNT, ACCOUNT_KEY = "acme", base64.b64encode(b"a key of thirty-two bytes, or so").decode()
KEYS = (
    "plain.json", "with space", "ünï/çödé/日本", "a//b///c", "/leading", "100%", "%41", "plus+sign", "tilde~",
    "is?it#so", "a=1&b=2;c", "star*'(quoted)!", "trailing/", "e@mail:x,$",
)  # fmt: skip
LARGE = bytes(range(256)) * 32 * 1024  # 8 MiB


@dataclass(slots=True)
class Answer:
    url: str
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return dict(self.headers).get(name, "")


def path_of(key: str) -> str:
    return quote(key, safe="/~")


class SignedTest(HubTest):
    """Sends what `send_signed` signs with the hub's own code."""

    base: str
    credential: dict[str, Any]

    async def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
        change: dict[str, Any] | None = None,
        sent_body: bytes | None = None,
        **more: Any,
    ) -> Answer:
        wanted: dict[str, Any] = {
            "credential": {**self.credential, **(change or {})}, "method": method, "url": self.base + path,
            "headers": headers, "body": base64.b64encode(body).decode(), **more,
        }  # fmt: skip
        if sent_body is not None:
            wanted["sent_body"] = base64.b64encode(sent_body).decode()
        ended = await run([str(SENDER)], stdin=json.dumps(wanted))
        self.assertEqual(ended.code, 0, ended.err or ended.out)
        printed = ended.json()
        pairs = [(name, value) for name, value in printed["headers"]]
        return Answer(printed["url"], printed["status"], pairs, base64.b64decode(printed["body"]))

    async def deliver(self, settings: str, auth: str, record: dict[str, Any], path: str) -> Answer:
        """One record from a webhook through the connector `http` to the peer, and what is there then."""
        for file in CONNECTORS.glob("*.so"):
            shutil.copy(file, self.setup.connectors_dir)
        self.setup.config.write_text(
            f"""version: 1
hub: {{ data_dir: ./data, connectors_dir: ./connectors, listen: "127.0.0.1:0" }}
accounts:
  shop: {{ connector: webhook, settings: {{ key: /id }} }}
  cloud: {{ connector: http, settings: {settings}, auth: {auth} }}
connections:
  people:
    from: {{ account: shop, stream: records }}
    to: {{ account: cloud, stream: records }}
    deliver: {{ batch_wait_ms: 10 }}
    triggers: {{ webhook: {{ name: shop, verify: none }} }}
""",
            encoding="utf-8",
        )
        secrets = {"CLOUD_SECRET": SECRET, "CLOUD_TOKEN": TOKEN, "CLOUD_KEY": ACCOUNT_KEY}
        hub = await self.start(secrets)
        connection = HttpConnection("127.0.0.1", hub.port)
        body = json.dumps(record).encode()
        headers = {"Content-Type": "application/json"}
        taken = await connection.request("POST", "/hooks/shop", body, headers, WAIT_S)
        connection.close()
        self.assertEqual(taken.status, 202)
        give_up = asyncio.get_running_loop().time() + WAIT_S
        while (answer := await self.send("GET", path)).status != 200:
            if asyncio.get_running_loop().time() > give_up:
                ended = await self.syncline("dlq", "list", environment=secrets)
                self.fail(f"{answer.body!r}, {ended.out}, {hub.child.last_words()}")
            await asyncio.sleep(0.1)
        await self.stop(hub)
        return answer


class S3Test(SignedTest):
    async def start_peer(self, token: str = "") -> None:
        script = str(ROOT / "tests/peers/swift_s3.py")
        child = await processes.start(
            "swift", ["/usr/bin/python3", "-B", script, REGION, KEY_ID, SECRET, *filter(None, [token])], self.folder
        )
        self.addAsyncCleanup(child.end)
        port = (await child.ready(r"^(\d+)$", WAIT_S))[1]
        self.base = f"http://127.0.0.1:{port}"
        self.credential = {
            "scheme": "aws_sigv4", "access_key_id": KEY_ID, "secret_access_key": SECRET, "region": REGION,
            "service": "s3", "session_token": token,
        }  # fmt: skip
        self.assertEqual((await self.send("PUT", "/box")).status, 200)

    async def put(self, path: str, body: bytes = b"x", **more: Any) -> None:
        answer = await self.send("PUT", path, body, **more)
        self.assertEqual(answer.status, 200, answer.body)

    async def refused(self, code: str, method: str, path: str, body: bytes = b"", **more: Any) -> None:
        answer = await self.send(method, path, body, **more)
        self.assertIn(answer.status, (400, 403), answer.body)
        self.assertIn(f"<Code>{code}</Code>".encode(), answer.body)

    async def test_keys_of_all_kinds_are_written_read_and_listed(self) -> None:
        await self.start_peer()
        for key in KEYS:
            with self.subTest(key=key):
                await self.put(f"/box/{path_of(key)}", key.encode())
                self.assertEqual((await self.send("GET", f"/box/{path_of(key)}")).body, key.encode())
                listed = await self.send("GET", f"/box?list-type=2&encoding-type=url&prefix={quote(key, safe='')}")
                self.assertEqual(listed.status, 200, listed.body)
                names = [
                    unquote(part.split("</Key>")[0].replace("+", " "))
                    for part in listed.body.decode().split("<Key>")[1:]
                ]
                self.assertIn(key, names)

    async def test_parameters_of_all_kinds_are_signed(self) -> None:
        await self.start_peer()
        for query in (
            "prefix=a%20b&list-type=2", "max-keys=1&prefix=%C3%BC&delimiter=%2F", "location", "acl=", "prefix=",
        ):  # fmt: skip
            answer = await self.send("GET", f"/box?{query}")
            self.assertEqual(answer.status, 200, (query, answer.body))

    async def test_headers_are_signed_with_their_blanks_and_repetitions(self) -> None:
        await self.start_peer()
        headers = (
            ("Content-Type", "text/plain"), ("x-amz-meta-a", "one"), ("X-Amz-Meta-A", "two  blanks"),
            ("x-amz-meta-b", "ends"),
        )  # fmt: skip
        await self.put("/box/headers", headers=headers)
        answer = await self.send("GET", "/box/headers")
        self.assertEqual(answer.header("x-amz-meta-a"), "one,two  blanks")
        self.assertEqual(answer.header("content-type"), "text/plain")

    async def test_bodies_may_be_empty_and_large(self) -> None:
        await self.start_peer()
        for body in (b"", b"\0", LARGE):
            await self.put("/box/body", body)
            read = (await self.send("GET", "/box/body")).body
            self.assertEqual(hashlib.sha256(read).digest(), hashlib.sha256(body).digest())

    async def test_a_session_token_is_part_of_it(self) -> None:
        await self.start_peer(TOKEN)
        await self.put("/box/token")
        presigned = {"scheme": "aws_presigned"}
        self.assertEqual((await self.send("GET", "/box/token", change=presigned)).status, 200)
        for scheme in ("aws_sigv4", "aws_presigned"):
            for token in ("", "another"):
                change = {"scheme": scheme, "session_token": token}
                await self.refused("SignatureDoesNotMatch", "GET", "/box/token", change=change)

    async def test_presigned_urls_read_and_write_until_they_expire(self) -> None:
        await self.start_peer()
        presigned = {"scheme": "aws_presigned"}
        for key in KEYS:
            with self.subTest(key=key):
                await self.put(f"/box/{path_of(key)}", key.encode(), change=presigned)
                answer = await self.send("GET", f"/box/{path_of(key)}", change=presigned)
                self.assertEqual(answer.body, key.encode())
        listed = await self.send("GET", "/box?list-type=2&prefix=with%20space", change=presigned)
        self.assertIn(b"<Key>with space</Key>", listed.body)
        await self.refused("AccessDenied", "GET", "/box/100%25", change=presigned, signed_s_ago=70, life_s=60)
        answer = await self.send("GET", "/box/100%25", change=presigned, signed_s_ago=3600, life_s=7200)
        self.assertEqual(answer.status, 200, answer.body)

    async def test_what_is_wrong_is_refused(self) -> None:
        await self.start_peer()
        await self.put("/box/a")
        for scheme in ("aws_sigv4", "aws_presigned"):
            for wrong in ({"secret_access_key": SECRET[:-1] + "X"}, {"access_key_id": "AKIDOTHER"}):
                change = {"scheme": scheme, **wrong}
                await self.refused("SignatureDoesNotMatch", "GET", "/box/a", change=change)
                await self.refused("SignatureDoesNotMatch", "PUT", "/box/a", b"x", change=change)
        await self.refused("AuthorizationHeaderMalformed", "GET", "/box/a", change={"region": "us-east-1"})
        await self.refused("AuthorizationHeaderMalformed", "GET", "/box/a", change={"service": "sqs"})
        await self.refused("RequestTimeTooSkewed", "GET", "/box/a", signed_s_ago=3600)
        await self.refused("BadDigest", "PUT", "/box/a", b"right", sent_body=b"wrong")
        self.assertEqual((await self.send("GET", "/box/a")).body, b"x")

    async def test_a_body_that_is_not_signed_may_change(self) -> None:
        await self.start_peer()
        await self.put("/box/a", b"right", sent_body=b"other", change={"payload": "unsigned"})
        self.assertEqual((await self.send("GET", "/box/a")).body, b"other")

    async def test_a_connector_writes_objects(self) -> None:
        await self.start_peer(TOKEN)
        record = {"id": "Ann & co/ü", "name": "Ann"}
        answer = await self.deliver(
            f'{{ url: "{self.base}/box/people/{{key}}.json", method: PUT, headers: {{ x-amz-meta-from: "a  hub" }} }}',
            f'{{ scheme: aws_sigv4, access_key_id: {KEY_ID}, secret_access_key: "${{CLOUD_SECRET}}", '
            f'session_token: "${{CLOUD_TOKEN}}", region: {REGION}, service: s3 }}',
            record,
            "/box/people/" + quote(record["id"], safe="") + ".json",
        )
        self.assertEqual(json.loads(answer.body), record)
        self.assertEqual(answer.header("x-amz-meta-from"), "a  hub")


class AwsTest(SignedTest):
    """Other services than S3, by Amazon's library: they take the path normalised and encoded twice."""

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.seen: list[Request] = []

        def handle(request: Request) -> Reply:
            self.seen.append(request)
            return Reply(200, b"{}")

        service = HttpService(handle)
        await service.start("127.0.0.1", 0)
        self.addAsyncCleanup(service.stop)
        self.base = f"http://127.0.0.1:{service.port}"
        self.credential = {
            "scheme": "aws_sigv4", "access_key_id": KEY_ID, "secret_access_key": SECRET, "region": REGION,
            "service": "execute-api", "session_token": TOKEN,
        }  # fmt: skip

    def expected(self, request: Request, parameters: dict[str, str], target: str) -> str:
        """What botocore signs, of the headers that the request names."""
        names = parameters["SignedHeaders"].split(";")
        self.assertIn("host", names)
        headers = {name: value for name, value in request.headers.items() if name in names}
        self.assertEqual(sorted(headers), names)
        copy = botocore.awsrequest.AWSRequest(
            method=request.method, url=self.base + target, headers=headers, data=request.body
        )
        key_id, date, region, name, _ = parameters["Credential"].split("/")
        self.assertEqual((key_id, region, name), (KEY_ID, REGION, "execute-api"))
        signer = botocore.auth.SigV4Auth(botocore.credentials.Credentials(KEY_ID, SECRET, TOKEN), name, region)
        copy.context["timestamp"] = parameters.get("Date") or request.headers["x-amz-date"]
        self.assertEqual(copy.context["timestamp"][:8], date)
        text = signer.string_to_sign(copy, signer.canonical_request(copy))
        return str(signer.signature(text, copy))

    async def test_amazons_library_signs_the_same_in_the_header(self) -> None:
        for method, target, body in (
            ("GET", "/", b""), ("GET", "/a%20b/%C3%BC//c~?x=1&a=%20%2B&a=&b", b""), ("POST", "/v1/%25/+", b'{"a": 1}'),
            ("PUT", "/v1/x", LARGE), ("DELETE", "/v1/?z=~&A=1&a=2", b""),
        ):  # fmt: skip
            with self.subTest(target=target):
                await self.send(method, target, body, (("Content-Type", "application/json"), ("X-Own", " a   b ")))
                request = self.seen[-1]
                self.assertEqual(request.headers["x-amz-security-token"], TOKEN)
                value = request.headers["authorization"].removeprefix("AWS4-HMAC-SHA256 ")
                parameters = dict(item.split("=", 1) for item in value.split(", "))
                # Of a name without `=`, AWS signs it with an empty value; botocore leaves that to its caller.
                canonical = request.target.replace("&b", "&b=")
                self.assertEqual(parameters["Signature"], self.expected(request, parameters, canonical))
                changed = Request(request.method, request.target, request.headers, request.body + b"x", 0)
                self.assertNotEqual(parameters["Signature"], self.expected(changed, parameters, canonical))

    async def test_amazons_library_signs_the_same_in_the_query(self) -> None:
        for target in ("/", "/a%20b/%C3%BC//c~?x=1&a=%20%2B&a=", "/v1/%25/+?z=~"):
            with self.subTest(target=target):
                await self.send("GET", target, change={"scheme": "aws_presigned"})
                request = self.seen[-1]
                sent, _, signature = request.target.partition("&X-Amz-Signature=")
                query = parse_qs(urlsplit(sent).query)
                parameters = {name.removeprefix("X-Amz-"): values[0] for name, values in query.items()}
                self.assertEqual(parameters["Security-Token"], TOKEN)
                self.assertEqual(signature, self.expected(request, parameters, sent))


@unittest.skipUnless(AZURITE.exists(), "tools/node-peers has installed no Azurite")
class AzureTest(SignedTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        child = await processes.start(
            "azurite",
            ["node", str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--silent"],
            self.folder, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"},
        )  # fmt: skip
        self.addAsyncCleanup(child.end)
        port = (await child.ready(r"successfully listens on http://127\.0\.0\.1:(\d+)", WAIT_S))[1]
        self.base = f"http://127.0.0.1:{port}/{ACCOUNT}"
        self.credential = {"scheme": "azure_shared_key", "account": ACCOUNT, "key": ACCOUNT_KEY}
        self.assertEqual((await self.send("PUT", "/box?restype=container")).status, 201)

    async def put(self, path: str, body: bytes = b"x", *headers: tuple[str, str], **more: Any) -> Answer:
        return await self.send("PUT", path, body, (("x-ms-blob-type", "BlockBlob"), *headers), **more)

    def refused(self, answer: Answer, code: str = "AuthorizationFailure") -> None:
        self.assertEqual((answer.status, answer.header("x-ms-error-code")), (403, code), answer.body)

    async def test_blobs_of_all_names_are_written_read_and_listed(self) -> None:
        for key in KEYS:
            with self.subTest(key=key):
                answer = await self.put(f"/box/{path_of(key)}", key.encode())
                self.assertEqual(answer.status, 201, answer.body)
                self.assertEqual((await self.send("GET", f"/box/{path_of(key)}")).body, key.encode())
        listed = await self.send("GET", "/box?restype=container&comp=list&prefix=with%20&include=metadata,snapshots")
        self.assertIn(b"<Name>with space</Name>", listed.body)

    async def test_headers_and_bodies_are_signed(self) -> None:
        md5 = base64.b64encode(hashlib.md5(b"hello", usedforsecurity=False).digest()).decode()
        headers = (
            ("Content-Type", "text/plain; charset=utf-8"), ("Content-MD5", md5), ("Content-Language", "de"),
            ("x-ms-meta-b", "2"), ("X-MS-Meta-A", "one   two"), ("If-None-Match", "*"),
        )  # fmt: skip
        self.assertEqual((await self.put("/box/a", b"hello", *headers)).status, 201)
        answer = await self.send("GET", "/box/a", headers=(("Range", "bytes=1-2"),))
        self.assertEqual((answer.status, answer.body), (206, b"el"))
        self.assertEqual(answer.header("x-ms-meta-a"), "one   two")
        for body in (b"", LARGE):
            self.assertEqual((await self.put("/box/b", body)).status, 201)
            read = (await self.send("GET", "/box/b")).body
            self.assertEqual(hashlib.sha256(read).digest(), hashlib.sha256(body).digest())

    async def test_what_is_wrong_is_refused(self) -> None:
        self.assertEqual((await self.put("/box/a")).status, 201)
        other = {"key": base64.b64encode(b"another key").decode()}
        self.refused(await self.send("GET", "/box/a", change=other))
        self.refused(await self.put("/box/a", b"y", change=other))
        self.refused(await self.put("/box/a", b"right", sent_body=b"too long"))
        md5 = base64.b64encode(hashlib.md5(b"right", usedforsecurity=False).digest()).decode()
        answer = await self.put("/box/a", b"right", ("Content-MD5", md5), sent_body=b"wrong")
        self.assertEqual(answer.status, 400, answer.body)
        self.assertEqual((await self.send("GET", "/box/a")).body, b"x")

    async def test_a_shared_access_signature_grants_what_it_says(self) -> None:
        for key in KEYS:
            with self.subTest(key=key):
                self.assertEqual((await self.put(f"/box/{path_of(key)}", key.encode())).status, 201)
                blob = {"scheme": "azure_blob_sas", "container": "box", "blob": key, "permissions": "r",
                        "protocol": "https,http", "content_type": "text/x; a=b"}  # fmt: skip
                answer = await self.send("GET", f"/box/{path_of(key)}", change=blob)
                self.assertEqual((answer.status, answer.body), (200, key.encode()))
                self.assertEqual(answer.header("content-type"), "text/x; a=b")
                self.refused(await self.send("GET", "/box/elsewhere", change=blob))
        container = {"scheme": "azure_blob_sas", "container": "box", "permissions": "rl", "protocol": "https,http"}
        account = {"scheme": "azure_account_sas", "services": "b", "resource_types": "sco", "permissions": "rl",
                   "protocol": "https,http", "ip": "127.0.0.1"}  # fmt: skip
        for change in (container, account):
            self.assertEqual((await self.send("GET", "/box/plain.json", change=change)).status, 200)
            listed = await self.send("GET", "/box?restype=container&comp=list&prefix=with%20", change=change)
            self.assertIn(b"<Name>with space</Name>", listed.body)
            wrong = {**change, "key": base64.b64encode(b"another key").decode()}
            self.assertEqual((await self.send("GET", "/box/plain.json", change=wrong)).status, 403)
            late = await self.send("GET", "/box/plain.json", change=change, signed_s_ago=120, life_s=60)
            self.assertEqual(late.status, 403)
            self.assertEqual((await self.put("/box/plain.json", b"y", change=change)).status, 403)
        self.assertEqual((await self.send("GET", "/box/plain.json")).body, b"plain.json")

    async def test_a_connector_writes_blobs(self) -> None:
        record = {"id": "Ann & co/ü", "name": "Ann"}
        answer = await self.deliver(
            f'{{ url: "{self.base}/box/people/{{key}}.json", method: PUT, '
            'headers: { x-ms-blob-type: BlockBlob, x-ms-meta-from: "a hub" } }',
            f'{{ scheme: azure_shared_key, account: {ACCOUNT}, key: "${{CLOUD_KEY}}" }}',
            record,
            "/box/people/" + quote(record["id"], safe="") + ".json",
        )
        self.assertEqual(json.loads(answer.body), record)


if __name__ == "__main__":
    unittest.main()
