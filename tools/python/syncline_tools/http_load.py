"""An HTTP/1.1 client on asyncio for load: one keep-alive connection per object, one request at a
time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Unanswered(Exception):
    """The connection was refused, reset or closed before an answer was complete. Whether it took
    effect is unknown."""


class HttpConnection:
    """Connects when it is first used and again after a failure. A request that outlives its
    deadline raises TimeoutError and closes the connection."""

    def __init__(self, host: str, port: int, socket: Path | None = None) -> None:
        """With a Unix socket, host and port are words in a header."""
        self.host = host
        self.port = port
        self._socket = socket
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        deadline_s: float = 10.0,
    ) -> Answer:
        head = f"{method} {target} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n"
        head += f"Content-Length: {len(body)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
        try:
            async with asyncio.timeout(deadline_s):
                if self._streams is None:
                    self._streams = await (
                        asyncio.open_connection(self.host, self.port)
                        if self._socket is None
                        else asyncio.open_unix_connection(str(self._socket))
                    )
                reader, writer = self._streams
                writer.write(head.encode("latin-1") + b"\r\n" + body)
                answer = await self._read(reader)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as problem:
            self.close()
            # TimeoutError is an OSError since Python 3.10; it is the caller's to judge.
            if isinstance(problem, TimeoutError):
                raise
            raise Unanswered(str(problem) or type(problem).__name__) from problem
        except asyncio.CancelledError:
            self.close()
            raise
        if answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> Answer:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if status == 204:
            return Answer(status, headers, b"")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return Answer(status, headers, await HttpConnection._read_chunks(reader))
        return Answer(
            status, headers, await reader.readexactly(int(headers.get("content-length", "0")))
        )

    @staticmethod
    async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
        body = bytearray()
        while True:
            size = int((await reader.readline()).split(b";")[0], 16)
            body += await reader.readexactly(size)
            await reader.readexactly(2)
            if size == 0:
                return bytes(body)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


async def call(
    host: str, port: int, method: str, target: str, value: object = None, deadline_s: float = 10.0
) -> Answer:
    """One request on a connection of its own; `value` is sent as JSON."""
    connection = HttpConnection(host, port)
    body = b"" if value is None else json.dumps(value).encode()
    try:
        return await connection.request(
            method, target, body, {"Content-Type": "application/json"}, deadline_s
        )
    finally:
        connection.close()
