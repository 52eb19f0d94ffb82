#!/usr/bin/python3
"""The hub behind TLS, met by clients that others wrote: curl, openssl, Python."""

from __future__ import annotations

import asyncio
import gzip
import os
import shutil
import socket
import ssl
import unittest
from pathlib import Path

from support import KEY, KEY_VARIABLE, WAIT_S, Ended, HubTest, RunningHub, dmp, run

LISTEN = 'listen: "127.0.0.1:0"'
TARGET = "/hooks/acme-dmp?type=ADD_TO_AUDIENCE"
TLS_ALERT = "alert"


AUTHORITY = """\
[ca]
default_ca = all
[all]
database = {folder}/index.txt
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = names
[names]
commonName = supplied
"""


async def make_certificate(folder: Path, name: str) -> None:
    """`<name>.pem` and `<name>.key` for 127.0.0.1."""
    made = await run([
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
        "-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.pem"),
        "-days", "10", "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1",
    ])  # fmt: skip
    assert made.code == 0, made.err
    (folder / f"{name}.key").chmod(0o600)


async def make_expired(folder: Path, name: str) -> None:
    """The same, of long ago: only an authority can be told the dates."""
    await make_certificate(folder, name)
    (folder / "ca.conf").write_text(AUTHORITY.format(folder=folder), encoding="utf-8")
    (folder / "index.txt").touch()
    (folder / "serial").write_text("01\n", encoding="utf-8")
    key = str(folder / f"{name}.key")
    asked = await run([
        "openssl", "req", "-new", "-key", key, "-subj", f"/CN={name}", "-out", str(folder / "asked"),
    ])  # fmt: skip
    assert asked.code == 0, asked.err
    made = await run([
        "openssl", "ca", "-batch", "-selfsign", "-notext", "-config", str(folder / "ca.conf"),
        "-keyfile", key, "-in", str(folder / "asked"), "-out", str(folder / f"{name}.pem"),
        "-startdate", "20200101000000Z", "-enddate", "20200102000000Z",
    ])  # fmt: skip
    assert made.code == 0, made.err


class TlsTest(HubTest):
    async def asyncSetUp(self) -> None:
        await super().asyncSetUp()
        await make_certificate(self.folder, "server")
        self.edit(LISTEN, f"{LISTEN}\n  tls: {{ certificate: server.pem, key: server.key }}")
        self.ca = self.folder / "server.pem"

    async def curl(self, hub: RunningHub, *words: str, target: str = TARGET) -> Ended:
        return await run([
            "curl", "-sS", "--max-time", "20", "--noproxy", "*", "--cacert", str(self.ca), *words,
            f"https://127.0.0.1:{hub.port}{target}",
        ])  # fmt: skip

    async def s_client(self, hub: RunningHub, *words: str, line: str = "Q") -> Ended:
        command = (
            f"printf '{line}\\n' | openssl s_client -connect 127.0.0.1:{hub.port} "
            f"-CAfile {self.ca} {' '.join(words)}"
        )
        return await run(["sh", "-c", command])

    def signed(self, body: bytes) -> list[str]:
        file = self.folder / "body"
        file.write_bytes(body)
        return ["--data-binary", f"@{file}", "-H", f"X-HMAC: {dmp.sign(KEY, body)}"]

    async def test_curl_sends_webhooks_plain_and_compressed(self) -> None:
        hub = await self.start()
        self.assertTrue(hub.url.startswith("https://127.0.0.1:"), hub.url)
        body = dmp.Batch("a", True, ["plain"]).body("A")
        answer = await self.curl(hub, "-i", *self.signed(body))
        self.assertIn("HTTP/1.1 200 OK", answer.out)
        body = gzip.compress(dmp.Batch("a", True, ["packed"]).body("A"))
        answer = await self.curl(hub, "-i", "-H", "Content-Encoding: gzip", *self.signed(body))
        self.assertIn("HTTP/1.1 200 OK", answer.out)
        await self.settled()
        self.assertEqual(sorted(await self.members()), ["packed", "plain"])
        status = await self.result("status")
        self.assertEqual(status["listen"], hub.url)
        await self.stop(hub)

    async def test_two_requests_share_a_connection_and_http_2_is_not_agreed_on(self) -> None:
        hub = await self.start()
        url = f"https://127.0.0.1:{hub.port}/hooks/acme-dmp?type=VALIDATE"
        answer = await self.curl(
            hub, "--http2", "-w", "%{http_code} %{http_version} %{num_connects}\n", url,
            target="/hooks/acme-dmp?type=VALIDATE",
        )  # fmt: skip
        self.assertEqual(answer.out, "200 1.1 1\n200 1.1 0\n", answer.err)
        await self.stop(hub)

    async def test_openssl_gets_tls_1_2_and_1_3_and_nothing_older(self) -> None:
        hub = await self.start()
        for version in ("-tls1_2", "-tls1_3"):
            with self.subTest(version):
                ended = await self.s_client(hub, version)
                self.assertEqual(ended.code, 0, ended.err)
                self.assertIn("Verify return code: 0 (ok)", ended.out)
        weak = "-cipher DEFAULT@SECLEVEL=0"
        for words in (
            ["-tls1", weak], ["-tls1_1", weak], ["-tls1_2", "-cipher AES128-SHA256"],
            ["-tls1_2", "-cipher ECDHE-ECDSA-AES128-SHA256"],
        ):  # fmt: skip
            with self.subTest(words):
                ended = await self.s_client(hub, *words)
                self.assertNotEqual(ended.code, 0)
                self.assertIn(TLS_ALERT, ended.err)
        # `R` asks for a renegotiation.
        ended = await self.s_client(hub, "-tls1_2", line="R")
        self.assertIn("RENEGOTIATING", ended.out + ended.err)
        self.assertIn("no renegotiation", ended.err)
        self.assertEqual((await self.curl(hub, *self.signed(b"{}"))).code, 0)
        await self.stop(hub)

    async def test_python_verifies_the_hub(self) -> None:
        hub = await self.start()
        trusting = ssl.create_default_context(cafile=str(self.ca))
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port, ssl=trusting)
        writer.write(b"GET /nowhere HTTP/1.1\r\nHost: a\r\nAccept: text/plain\r\n\r\n")
        async with asyncio.timeout(WAIT_S):
            text = (await reader.read()).decode()
        self.assertIn("HTTP/1.1 404 Not Found", text)
        self.assertTrue(text.endswith("\r\n\r\nthere is no webhook at this path\n"), text)
        writer.close()
        with self.assertRaises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(
                "127.0.0.1", hub.port, ssl=ssl.create_default_context()
            )
        await self.stop(hub)

    async def test_a_stalled_handshake_ends_and_holds_up_nobody(self) -> None:
        hub = await self.start()
        with socket.create_connection(("127.0.0.1", hub.port)) as stalled:
            stalled.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc")  # a ClientHello, not all of it
            answer = await self.curl(hub, "-i", *self.signed(b"{}"))
            self.assertIn("HTTP/1.1", answer.out)
            stalled.settimeout(WAIT_S)
            self.assertEqual(await asyncio.to_thread(stalled.recv, 100), b"")
        await self.stop(hub)

    async def served(self, hub: RunningHub) -> str:
        ended = await self.s_client(hub)
        return next(line for line in ended.out.splitlines() if line.startswith("subject="))

    async def test_a_renewed_certificate_needs_no_restart(self) -> None:
        hub = await self.start()
        self.assertEqual(await self.served(hub), "subject=CN = server")
        await make_certificate(self.folder, "renewed")
        await self.replace("renewed")
        async with asyncio.timeout(WAIT_S):
            while await self.served(hub) != "subject=CN = renewed":
                await asyncio.sleep(0.1)
        self.ca.write_text("no certificate", encoding="utf-8")
        self.ca = self.folder / "renewed.pem"
        complaint = "a changed certificate or key can't be used"
        async with asyncio.timeout(WAIT_S):
            while complaint not in hub.child.last_words():
                self.assertEqual(await self.served(hub), "subject=CN = renewed")
                await asyncio.sleep(0.1)
        self.assertEqual(await self.served(hub), "subject=CN = renewed")
        await self.stop(hub)
        self.assertEqual(hub.child.last_words().count(complaint), 1)

    async def replace(self, name: str) -> None:
        for suffix in ("pem", "key"):
            fresh = self.folder / f"fresh.{suffix}"
            shutil.copy(self.folder / f"{name}.{suffix}", fresh)
            fresh.chmod(0o600)
            os.replace(fresh, self.folder / f"server.{suffix}")


class ConfigurationTest(HubTest):
    """What is wrong with the files is told with its place, by `validate` as by `run`."""

    async def check(self, place: str, code: str, what: str, exit_code: int = 2) -> None:
        for verb in ("validate", "run"):
            ended = await self.syncline(verb)
            self.assertEqual(ended.code, exit_code, ended.err)
            self.assertIn(f"syncline.yaml:{place}: {code}: ", ended.err)
            self.assertIn(what, ended.err)

    async def test_each_mistake_has_its_place(self) -> None:
        await make_certificate(self.folder, "server")
        await make_certificate(self.folder, "other")
        await make_expired(self.folder, "expired")
        self.edit(LISTEN, f"{LISTEN}\n  tls: {{ certificate: server.pem, key: server.key }}")
        certificate, key = "6:23", "6:40"
        self.assertEqual((await self.syncline("validate")).code, 0)

        self.edit("key: server.key", "key: other.key")
        await self.check(key, "http_server.key_mismatch", "does not belong to the certificate")
        self.edit("key: other.key", "key: none.key")
        await self.check(key, "http_server.key_invalid", "No such file")
        self.edit("key: none.key", "key: server.key")
        (self.folder / "server.key").chmod(0o644)
        await self.check(key, "http_server.key_mode", "chmod 600", exit_code=3)
        (self.folder / "server.key").chmod(0o600)
        self.edit("certificate: server.pem", "certificate: nobody.pem")
        await self.check(certificate, "http_server.certificate_invalid", "No such file")
        self.edit("nobody.pem, key: server.key", "expired.pem, key: expired.key")
        await self.check(certificate, "http_server.certificate_dates", "expired at")

    async def test_an_open_listener_without_tls_has_to_be_asked_for(self) -> None:
        self.edit(LISTEN, 'listen: "0.0.0.0:0"')
        await self.check("5:11", "config.plain_listener", "open to the network without TLS")
        self.edit('listen: "0.0.0.0:0"', 'listen: "0.0.0.0:0"\n  allow_plain: true')
        ended = await run(self.setup.command("validate"), {KEY_VARIABLE: KEY})
        self.assertEqual(ended.code, 0, ended.err)


if __name__ == "__main__":
    unittest.main()
