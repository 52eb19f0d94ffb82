#!/usr/bin/python3
"""Who a client is: certificates that openssl made and curl shows, tokens that openssl signed."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import unittest
from typing import Any

from support import WAIT_S, HubTest, RunningHub, dmp, run
from syncline_tools.http_service import HttpService, Reply, Request
from tls_test import AUTHORITY, LISTEN, make_certificate

VERIFY = '- { scheme: hmac, preset: mapp, key: "${ACME_DMP_KEY}" }'
OPEN = """\
  open:
    from: { account: acme-dmp, stream: audience_memberships }
    to:   { account: pangolin, stream: audience_memberships }
    triggers: { webhook: { name: open, verify: none } }
    map: { audience: .audience, user: .user }
"""


class CertificateTest(HubTest):
    """A route that wants certificates, and beside it one that does not."""

    async def openssl(self, *words: str) -> None:
        ended = await run(["openssl", *words])
        self.assertEqual(ended.code, 0, ended.err)

    async def make_authority(self, name: str) -> None:
        folder = self.folder / name
        folder.mkdir()
        await self.openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", str(folder / "ca.key"), "-out", str(folder / "ca.pem"), "-days", "10",
            "-subj", "/CN=clients",
        )  # fmt: skip
        text = AUTHORITY.format(folder=folder).replace(
            "policy = names", "policy = names\nunique_subject = no\ncopy_extensions = copy"
        )
        (folder / "ca.conf").write_text(text, encoding="utf-8")
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01\n", encoding="utf-8")

    async def make_client(self, name: str, authority: str, common_name: str, end: str) -> None:
        path = str(self.folder / name)
        await self.openssl(
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{path}.key", "-out", f"{path}.csr", "-subj", f"/CN={common_name}",
            "-addext", f"subjectAltName=DNS:{common_name}.example",
        )  # fmt: skip
        folder = self.folder / authority
        await self.openssl(
            "ca", "-batch", "-notext", "-config", str(folder / "ca.conf"),
            "-keyfile", str(folder / "ca.key"), "-cert", str(folder / "ca.pem"),
            "-in", f"{path}.csr", "-out", f"{path}.pem",
            "-startdate", "20200101000000Z", "-enddate", end,
        )  # fmt: skip

    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        await make_certificate(self.folder, "server")
        await self.make_authority("ours")
        await self.make_authority("theirs")
        later = time.strftime("%Y%m%d000000Z", time.gmtime(time.time() + 10 * 86400))
        await self.make_client("shop", "ours", "shop", later)
        await self.make_client("other", "ours", "other", later)
        await self.make_client("expired", "ours", "shop", "20200102000000Z")
        await self.make_client("stranger", "theirs", "shop", later)
        tls = "{ certificate: server.pem, key: server.key, client_ca: ours/ca.pem }"
        self.edit(LISTEN, f"{LISTEN}\n  tls: {tls}")
        with self.setup.config.open("a", encoding="utf-8") as config:
            config.write(OPEN)

    async def curl(self, hub: RunningHub, name: str, route: str = "acme-dmp") -> tuple[int, str]:
        """Status and code of the answer to a client that shows this certificate."""
        shown = [] if not name else [
            "--cert", str(self.folder / f"{name}.pem"), "--key", str(self.folder / f"{name}.key"),
        ]  # fmt: skip
        ended = await run([
            "curl", "-sS", "--max-time", "20", "--noproxy", "*",
            "--cacert", str(self.folder / "server.pem"), *shown, "-w", "\n%{http_code}",
            "--data-binary", dmp.Batch("a", True, ["ann"]).body("A").decode(),
            f"https://127.0.0.1:{hub.port}/hooks/{route}?type=ADD_TO_AUDIENCE",
        ])  # fmt: skip
        self.assertEqual(ended.code, 0, ended.err)
        body, _, status = ended.out.rpartition("\n")
        return int(status), json.loads(body).get("code", "")

    async def check(self, rule: str) -> None:
        self.edit(VERIFY, f"- {{ scheme: client_certificate, {rule} }}")
        hub = await self.start()
        unknown = (401, "intake.not_authentic")
        for name, answer in (
            ("", unknown), ("stranger", unknown), ("expired", unknown),
            ("other", (403, "intake.certificate_refused")), ("shop", (200, "")),
        ):  # fmt: skip
            with self.subTest(name):
                self.assertEqual(await self.curl(hub, name), answer)
                self.assertEqual((await self.curl(hub, name, "open"))[0] // 100, 2)
        await self.stop(hub)

    async def test_by_subject(self) -> None:
        await self.check("subjects: [CN=shop]")

    async def test_by_alternative_name(self) -> None:
        await self.check('sans: ["DNS:shop.example"]')

    async def test_by_fingerprint(self) -> None:
        ended = await run(
            ["openssl", "x509", "-in", str(self.folder / "shop.pem"), "-noout", "-fingerprint",
             "-sha256"]
        )  # fmt: skip
        await self.check(f'fingerprints: ["{ended.out.strip().partition("=")[2]}"]')

    async def test_a_file_of_authorities_that_is_none_has_its_place(self) -> None:
        (self.folder / "ours/ca.pem").write_text("nothing", encoding="utf-8")
        ended = await self.syncline("validate")
        self.assertEqual(ended.code, 2, ended.err)
        self.assertIn("http_server.client_ca_invalid", ended.err)
        self.assertIn("syncline.yaml:6:63: ", ended.err)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Issuer:
    """Signs tokens with a key of RSA, and publishes it."""

    def __init__(self, test: HubTest) -> None:
        self.folder = test.folder
        self.keys: list[dict[str, str]] = []
        self.is_down = False
        self.service = HttpService(self.answer)

    async def make_key(self, name: str) -> None:
        path = str(self.folder / f"{name}.key")
        made = await run(["openssl", "genrsa", "-out", path, "2048"])
        assert made.code == 0, made.err
        shown = await run(["openssl", "rsa", "-in", path, "-noout", "-modulus"])
        modulus = bytes.fromhex(shown.out.strip().partition("=")[2])
        self.keys.append({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": name, "n": encoded(modulus),
            "e": encoded(b"\x01\x00\x01"),
        })  # fmt: skip

    def answer(self, _request: Request) -> Reply:
        if self.is_down:
            return Reply(503, b"")
        return Reply(200, json.dumps({"keys": self.keys}).encode())

    async def token(self, key: str, **changed: Any) -> str:
        claims = {"iss": "https://issuer.example", "aud": "hub", "exp": int(time.time()) + 600}
        parts = ({"alg": "RS256", "kid": key}, {**claims, **changed})
        text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        (self.folder / "text").write_text(text, encoding="ascii")
        signature = str(self.folder / "signature")
        signed = await run(
            ["openssl", "dgst", "-sha256", "-sign", str(self.folder / f"{key}.key"), "-out",
             signature, str(self.folder / "text")]
        )  # fmt: skip
        assert signed.code == 0, signed.err
        return text + "." + encoded((self.folder / "signature").read_bytes())


class TokenTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        self.issuer = Issuer(self)
        await self.issuer.service.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.issuer.service.stop)
        await self.issuer.make_key("first")
        self.edit(
            VERIFY,
            "- { scheme: jwt, algorithms: [RS256], issuer: https://issuer.example, audience: hub, "
            f"jwks_url: http://127.0.0.1:{self.issuer.service.port}/keys }}",
        )

    async def ask(self, hub: RunningHub, token: str) -> tuple[int, str, str]:
        """Status, code and Retry-After."""
        body = dmp.Batch("a", True, ["ann"]).body("A")
        answer = await self.post(hub, body, {"Authorization": f"Bearer {token}"})
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return answer.status, answer.json().get("code", ""), headers.get("retry-after", "")

    async def until_answered(self, hub: RunningHub, token: str) -> tuple[int, str, str]:
        """The first answer that is not 503."""
        async with asyncio.timeout(WAIT_S):
            while (answer := await self.ask(hub, token))[0] == 503:
                self.assertEqual(answer[1], "intake.keys_missing")
                self.assertGreater(int(answer[2]), 0)
                await asyncio.sleep(0.05)
        return answer

    async def test_tokens_of_the_issuer_are_taken_and_others_are_not(self) -> None:
        hub = await self.start()
        self.assertEqual((await self.until_answered(hub, await self.issuer.token("first")))[0], 200)
        refused = (401, "intake.not_authentic", "")
        for changed in (
            {"aud": "other"}, {"iss": "https://other.example"}, {"exp": int(time.time()) - 600},
            {"exp": None}, {"nbf": int(time.time()) + 600},
        ):  # fmt: skip
            with self.subTest(changed):
                token = await self.issuer.token("first", **changed)
                self.assertEqual(await self.ask(hub, token), refused)
        token = await self.issuer.token("first")
        self.assertEqual(await self.ask(hub, token[:-8] + "AAAAAAAA"), refused)
        head, _, rest = token.partition(".")
        none = encoded(b'{"alg":"none"}')
        self.assertEqual(await self.ask(hub, f"{none}.{rest.partition('.')[0]}."), refused)
        await self.stop(hub)

    async def test_without_keys_senders_are_asked_to_come_again(self) -> None:
        self.issuer.is_down = True
        hub = await self.start()
        token = await self.issuer.token("first")
        status, code, retry_after = await self.ask(hub, token)
        self.assertEqual((status, code), (503, "intake.keys_missing"))
        self.assertGreater(int(retry_after), 0)
        self.issuer.is_down = False
        # The hub asks again by itself.
        self.assertEqual((await self.until_answered(hub, token))[0], 200)
        await self.stop(hub)


if __name__ == "__main__":
    unittest.main()
