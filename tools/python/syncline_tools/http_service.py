"""A small HTTP/1.1 server on asyncio for simulators: keep-alive, one request at a time per
connection.

The handler is a plain function from Request to Reply. What a Reply asks for besides its bytes (a
delay, a connection closed without an answer, an answer that never comes) is how a simulator
misbehaves on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

HEADER_BYTES_MAX = 64 * 1024
BODY_BYTES_MAX = 64 * 1024 * 1024

REASONS = {
    100: "Continue",
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass(slots=True)
class Request:
    """One complete request; `connection` numbers connections in the order in which they were
    accepted."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query)


@dataclass(slots=True)
class Reply:
    """An answer, or the lack of one."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay_s: float = 0.0
    drop: bool = False  # close the connection instead of answering
    hang: bool = False  # keep the connection and never answer


Handler = Callable[[Request], Reply]


class BadRequest(Exception):
    """The bytes are not a request that this server takes; carries the status to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Parser:
    """Cuts a byte stream into requests. `next()` answers None until one is complete."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.wants_continue = False
        self._head: tuple[str, str, dict[str, str]] | None = None

    def next(self, connection: int) -> Request | None:
        if self._head is None:
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(self.buffer) > HEADER_BYTES_MAX:
                    raise BadRequest(431, "header section too large")
                return None
            self._head = self._parse_head(bytes(self.buffer[:end]))
            del self.buffer[: end + 4]
            self.wants_continue = self._head[2].get("expect", "").lower() == "100-continue"
        method, target, headers = self._head
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._take_chunks()
        else:
            body = self._take_length(headers.get("content-length", "0"))
        if body is None:
            return None
        self._head = None
        return Request(method, target, headers, body, connection)

    @staticmethod
    def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            raise BadRequest(400, "not an HTTP/1.1 request line")
        headers: dict[str, str] = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise BadRequest(400, "a header line without a colon")
            headers[name.lower()] = value.strip()
        return parts[0], parts[1], headers

    def _take_length(self, text: str) -> bytes | None:
        if not text.isdigit():
            raise BadRequest(400, "Content-Length is not a number")
        length = int(text)
        if length > BODY_BYTES_MAX:
            raise BadRequest(413, "body too large")
        if len(self.buffer) < length:
            return None
        body = bytes(self.buffer[:length])
        del self.buffer[:length]
        return body

    def _take_chunks(self) -> bytes | None:
        body = bytearray()
        at = 0
        while True:
            line_end = self.buffer.find(b"\r\n", at)
            if line_end < 0:
                return None
            try:
                size = int(self.buffer[at:line_end].split(b";")[0], 16)
            except ValueError:
                raise BadRequest(400, "a chunk size is not hexadecimal") from None
            if len(body) + size > BODY_BYTES_MAX:
                raise BadRequest(413, "body too large")
            data = line_end + 2
            if len(self.buffer) < data + size + 2:
                return None
            body += self.buffer[data : data + size]
            at = data + size + 2
            if size == 0:
                del self.buffer[:at]
                return bytes(body)


class _Connection(asyncio.Protocol):
    def __init__(self, service: HttpService) -> None:
        self._service = service
        self._parser = _Parser()
        self._busy = False
        self._transport: asyncio.Transport | None = None
        self.number = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.number = self._service.admit(self)

    def connection_lost(self, _exception: Exception | None) -> None:
        self._service.release(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._parser.buffer += data
        if not self._busy:
            self._serve()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _serve(self) -> None:
        """Answers complete requests until the buffer is drained or an answer has to wait."""
        while self._transport is not None and not self._busy:
            try:
                request = self._parser.next(self.number)
            except BadRequest as bad:
                self._write(
                    Reply(bad.status, str(bad).encode(), content_type="text/plain"),
                    keep_alive=False,
                )
                return
            if request is None:
                if self._parser.wants_continue:
                    self._parser.wants_continue = False
                    self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                return
            reply = self._service.handle(request)
            keep_alive = request.headers.get("connection", "").lower() != "close"
            if reply.delay_s > 0 or reply.hang:
                self._busy = True
                if not reply.hang:
                    asyncio.get_running_loop().call_later(
                        reply.delay_s, self._finish, reply, keep_alive
                    )
            else:
                self._write(reply, keep_alive)

    def _finish(self, reply: Reply, keep_alive: bool) -> None:
        self._busy = False
        if self._transport is not None:
            self._write(reply, keep_alive)
            self._serve()

    def _write(self, reply: Reply, keep_alive: bool) -> None:
        assert self._transport is not None
        if reply.drop:
            self._transport.abort()
            return
        head = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Unknown')}"]
        head += [f"{name}: {value}" for name, value in reply.headers.items()]
        head.append(f"Content-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}")
        if not keep_alive:
            head.append("Connection: close")
        self._transport.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + reply.body)
        if not keep_alive:
            self._transport.close()


class HttpService:
    """Listens on one address; `port` is known after start()."""

    def __init__(self, handler: Handler) -> None:
        self.handle = handler
        self.port = 0
        self._accepted = 0
        self._open: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), host, port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for connection in list(self._open):
                connection.close()
            await self._server.wait_closed()

    def admit(self, connection: _Connection) -> int:
        self._open.add(connection)
        self._accepted += 1
        return self._accepted

    def release(self, connection: _Connection) -> None:
        self._open.discard(connection)

    @property
    def connections_open(self) -> int:
        return len(self._open)


def parse_listen(text: str) -> tuple[str, int]:
    """`HOST:PORT` -> (host, port); raises ValueError with a sentence for the user."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"'{text}' is not HOST:PORT, for example 127.0.0.1:0")
    return host, int(port)
