#!/usr/bin/python3
"""The framing vectors through a real nginx in front of the hub, beside the hub alone.

What differs is listed in NGINX.md, which has to be true: this test fails when it is not.

  nginx_test.py --list      prints the table
  nginx_test.py --write     writes it into NGINX.md
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
import unittest
from dataclasses import dataclass
from pathlib import Path

from support import BINARY, HERE, KEY, ROUTE, WAIT_S, HubTest, RunningHub, dmp, run
from syncline_tools.http_load import HttpConnection

NGINX = "/usr/sbin/nginx"
PAGE = HERE / "NGINX.md"
MARK = "<!-- table -->\n"
VECTORS = Path(os.environ.get("SYNCLINE_VECTORS", BINARY.parent / "http_server_vectors"))
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
# A body of five bytes, and a body without chunks.
BODY = b"0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

CONFIG = """\
daemon off; user root; worker_processes 1; pid nginx.pid;
events {{}}
http {{
  access_log off; {temporary}
  keepalive_timeout 0; client_header_timeout 1s; client_body_timeout 1s;
  upstream hub {{ server {hub}; keepalive 4; }}
  server {{ listen unix:{socket};
    location / {{ proxy_pass http://hub; proxy_http_version 1.1;
      proxy_set_header Connection ''; proxy_request_buffering off; }} }}
}}
"""


@dataclass(frozen=True, slots=True)
class Vector:
    name: str
    status: int  # 0: the hub accepts it
    request: bytes


async def vectors() -> list[Vector]:
    printed = await run([str(VECTORS)])
    rows = [json.loads(line) for line in printed.out.splitlines()]
    return [Vector(row["name"], row["status"], whole(bytes.fromhex(row["hex"]))) for row in rows]


def whole(request: bytes) -> bytes:
    """Sent to a webhook, and with a body when there is only a head that promises one."""
    request = request.replace(b"POST /in ", b"POST /hooks/acme-dmp ", 1)
    has_length = any(word in request.lower() for word in (b"content-length", b"transfer-encoding"))
    return request + BODY if request.endswith(b"\r\n\r\n") and has_length else request


def verdict(answer: bytes) -> str:
    """Who said what to the first request of a connection. That nobody signed it, or that there is no
    webhook, is all that the hub has against a request that it accepts."""
    head = answer.removeprefix(CONTINUE).partition(b"\r\n\r\n")[0].decode("latin-1")
    if not head:
        return "closed"
    status = head.split(" ", 2)[1]
    if "application/json" not in head:
        return f"nginx refuses, {status}"
    return "hub accepts" if status in ("401", "404") else f"hub refuses, {status}"


async def converse(
    streams: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: bytes, ends: bool
) -> bytes:
    """Sends the request and returns all that comes back. `ends` says that nothing more will be
    sent; nginx would take that for a client that has gone."""
    reader, writer = streams
    try:
        async with asyncio.timeout(WAIT_S):
            writer.write(request)
            if ends:
                writer.write_eof()
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


class NginxTest(HubTest):
    async def start_nginx(self, hub: RunningHub) -> Path:
        folder = self.folder / "nginx"
        folder.mkdir()
        temporary = " ".join(
            f"{kind}_temp_path temp_{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        socket = folder / "socket"
        config = CONFIG.format(temporary=temporary, hub=hub.url.removeprefix("http://"), socket=socket)
        (folder / "nginx.conf").write_text(config, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")
        )
        self.addAsyncCleanup(process.wait)
        self.addCleanup(process.terminate)
        async with asyncio.timeout(WAIT_S):
            while True:
                try:
                    _, writer = await asyncio.open_unix_connection(str(socket))
                    writer.close()
                    return socket
                except OSError:
                    self.assertIsNone(process.returncode, "nginx ended")
                    await asyncio.sleep(0.02)

    async def differences(self) -> list[str]:
        """Rows of the table. Only one of two matters to a sender: whether a request is accepted."""
        hub = await self.start()
        proxy = await self.start_nginx(hub)
        rows = []
        for vector in await vectors():
            direct = await asyncio.open_connection("127.0.0.1", hub.port)
            alone = verdict(await converse(direct, vector.request, ends=True))
            through = await asyncio.open_unix_connection(str(proxy))
            behind = verdict(await converse(through, vector.request, ends=False))
            with self.subTest(vector.name):
                expected = "hub accepts" if vector.status == 0 else f"hub refuses, {vector.status}"
                self.assertEqual(alone, expected)
            if (alone == "hub accepts") != (behind == "hub accepts"):
                rows.append(f"| {vector.name} | {alone} | {behind} |")
        await self.stop(hub)
        return sorted(rows)

    @unittest.skipUnless(Path(NGINX).exists(), "nginx is not installed")
    async def test_what_differs_behind_nginx_is_written_down(self) -> None:
        text, _, table = PAGE.read_text(encoding="utf-8").partition(MARK)
        rows = await self.differences()
        self.assertGreater(len(await vectors()), 200)
        if "--list" in sys.argv:
            print("\n".join(rows))
        if "--write" in sys.argv:
            head = "| vector | the hub alone | behind nginx |\n|---|---|---|\n"
            PAGE.write_text(f"{text}{MARK}\n{head}" + "\n".join(rows) + "\n", encoding="utf-8")
        else:
            self.assertEqual([row for row in table.splitlines() if row.startswith("|")][2:], rows)

    @unittest.skipUnless(Path(NGINX).exists(), "nginx is not installed")
    async def test_no_answer_is_given_to_a_request_that_a_vector_hides(self) -> None:
        hub = await self.start()
        proxy = await self.start_nginx(hub)
        for vector in await vectors():
            if vector.status == 0:
                continue
            with self.subTest(vector.name):
                direct = await asyncio.open_connection("127.0.0.1", hub.port)
                answer = await converse(direct, vector.request + SMUGGLED, ends=True)
                self.assertEqual(answer.count(b"\r\nDate: "), 1)
                # The next client behind nginx, whose request goes over the same connection to the
                # hub, gets the answer to its own request.
                through = await asyncio.open_unix_connection(str(proxy))
                await converse(through, vector.request + SMUGGLED, ends=False)
                honest = await asyncio.open_unix_connection(str(proxy))
                handshake = b"GET /hooks/acme-dmp?type=VALIDATE HTTP/1.1\r\nHost: a\r\n\r\n"
                answer = await converse(honest, handshake, ends=False)
                self.assertTrue(answer.startswith(b"HTTP/1.1 200 "), answer)
        await self.stop(hub)

    @unittest.skipUnless(Path(NGINX).exists(), "nginx is not installed")
    async def test_nginx_hands_webhooks_over_on_a_unix_socket(self) -> None:
        self.edit('listen: "127.0.0.1:0"', "listen: unix:hub.sock")
        hub = await self.start()
        socket = self.folder / "hub.sock"
        self.assertEqual(hub.url, f"unix:{socket}")
        self.assertEqual(stat.S_IMODE(socket.stat().st_mode), 0o660)
        self.assertEqual((await self.result("status"))["listen"], hub.url)
        checks = {check["name"]: check["what"] for check in (await self.result("doctor"))["checks"]}
        self.assertEqual(checks["webhook socket"], f"the hub serves {hub.url}")
        through = HttpConnection("hub", 0, await self.start_nginx(hub))
        self.addCleanup(through.close)
        batch = dmp.Batch("a", True, ["u1"])
        body = batch.body("A")
        for key, status in (("another key", 401), (KEY, 200)):
            signature = {"X-HMAC": dmp.sign(key, body)}
            target = f"/hooks/{ROUTE}?type={batch.type}"
            answer = await through.request("POST", target, body, signature)
            self.assertEqual(answer.status, status, answer.body)
        await self.settled()
        self.assertEqual(set(await self.members()), {"u1"})
        await self.stop(hub)
        self.assertFalse(socket.exists())


if __name__ == "__main__":
    unittest.main(argv=[word for word in sys.argv if word not in ("--list", "--write")])
