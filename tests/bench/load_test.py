#!/usr/bin/python3
"""bench_load against servers that answer as they please."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import unittest
from pathlib import Path

PROGRAM = os.environ["SYNCLINE_BENCH_LOAD"]
WAIT_S = 30.0
SECONDS = "0.2"
OK = b"HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\nDate: now\r\n\r\nok"


class LoadTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="syncline-test.")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.bodies = self.folder / "bodies.tsv"
        self.bodies.write_text("A\tsigned-a\t{1}\nB\tsigned-b\t{2}\nC\tsigned-c\t{3}\n")
        self.seen: list[bytes] = []

    async def load(self, answer: list[bytes], *words: str) -> tuple[int, str, str]:
        """The exit code and what it prints, with a server on a Unix socket that answers with these
        pieces, or closes when there are none."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                while request := await reader.readuntil(b"}"):
                    self.seen.append(request)
                    for piece in answer:
                        writer.write(piece)
                        await writer.drain()
                        await asyncio.sleep(0)
                    if not answer:
                        return
            except (EOFError, ConnectionError):
                pass
            finally:
                writer.close()

        socket = self.folder / "socket"
        async with await asyncio.start_unix_server(serve, socket):
            return await self.run_load(f"http://unix:{socket}:/hooks/x", *words)

    async def run_load(self, url: str, *words: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            PROGRAM, url, str(self.bodies), "2", SECONDS, *words,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        async with asyncio.timeout(WAIT_S):
            out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def test_requests_go_in_a_circle_and_answers_are_counted(self) -> None:
        code, out, err = await self.load([OK], "1")
        self.assertEqual((code, err), (0, ""))
        told = json.loads(out)
        self.assertGreater(told["answered"], 3)
        self.assertEqual(told["refused"], 0)
        self.assertGreaterEqual(told["seconds"], float(SECONDS))
        self.assertGreater(told["p50_ms"], 0)
        self.assertGreaterEqual(told["p99_ms"], told["p50_ms"])
        # What was sent is what was answered, and one more on each connection.
        self.assertEqual(told["next"], (1 + told["answered"] + 2) % 3)
        self.assertEqual({request[-3:] for request in self.seen}, {b"{1}", b"{2}", b"{3}"})
        head, _, body = self.seen[0].partition(b"\r\n\r\n")
        self.assertEqual(body, b"{2}")
        self.assertTrue(head.startswith(b"POST /hooks/x?type=B HTTP/1.1\r\n"), head)
        self.assertIn(b"\r\nX-HMAC: signed-b\r\n", head)
        self.assertTrue(head.endswith(b"\r\nContent-Length: 3"), head)

    async def test_an_answer_comes_in_pieces(self) -> None:
        pieces = [OK[:11], OK[11:30], OK[30:-1], OK[-1:]]
        code, out, err = await self.load(pieces)
        self.assertEqual((code, err), (0, ""))
        self.assertGreater(json.loads(out)["answered"], 0)

    async def test_refusals_are_counted_apart(self) -> None:
        code, out, _ = await self.load([b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n"])
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)["answered"], 0)
        self.assertGreater(json.loads(out)["refused"], 0)

    async def test_what_is_not_understood_ends_it(self) -> None:
        for answer, words in (
            ([], "has closed a connection"),
            ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"], "`chunked`"),
            ([b"HTTP/1.1 200 OK\r\n\r\n"], "no length"),
            ([b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"], "no length"),
            ([b"HTTP/1.1 500 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"], "status 500"),
            ([b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"], "no answer in HTTP/1.1"),
            ([OK + b"more"], "more than the answer"),
        ):
            with self.subTest(words):
                code, out, err = await self.load(answer)
                self.assertEqual((code, out), (1, ""))
                self.assertIn(words, err)

    async def test_nobody_listens(self) -> None:
        code, _, err = await self.run_load(f"http://unix:{self.folder}/nobody:/hooks/x")
        self.assertEqual(code, 1)
        self.assertIn("can't connect", err)

    async def test_wrong_arguments(self) -> None:
        for url in ("", "https://127.0.0.1:1/x", "http://127.0.0.1:x/", "http://unix:/a", "http://unix::/x"):
            with self.subTest(url):
                self.assertEqual((await self.run_load(url))[0], 2)


if __name__ == "__main__":
    unittest.main()
