"""How long a change takes from the sender to the destination when nothing else is under way: one
request at a time, and a destination that answers at once."""

from __future__ import annotations

import asyncio
import re
import selectors
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from subjects import DELIVER, KEY, READY_S
from syncline_tools import dmp
from syncline_tools.hub import ROUTE, HubSetup
from syncline_tools.processes import StartError

REQUESTS, WARM_UP_REQUESTS = 500, 50
PATIENCE_S = 10.0
PAUSE_S = 0.002
ANSWER = b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"results":[]}'


@dataclass(slots=True)
class Latencies:
    acknowledged_ms: list[float] = field(default_factory=list)
    delivered_ms: list[float] = field(default_factory=list)


class Wire:
    """Sender and destination in one thread, so that one clock sees both and no other thread has to
    be woken."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._sender: socket.socket | None = None
        self._taken: dict[socket.socket, bytes] = {}

    @property
    def destination(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def connect(self, url: str) -> None:
        address = urlsplit(url)
        self._sender = socket.create_connection((address.hostname, address.port))
        self._sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(self._sender, selectors.EVENT_READ)

    def exchange(self, request: bytes) -> tuple[float, float]:
        """Sends it; milliseconds until the acknowledgement and until the destination has it."""
        assert self._sender is not None
        started = time.perf_counter()
        self._sender.sendall(request)
        acknowledged = delivered = 0.0
        answer = b""
        while not acknowledged or not delivered:
            events = self._selector.select(PATIENCE_S)
            now = time.perf_counter()
            if not events:
                raise StartError(f"nothing happened for {PATIENCE_S:.0f} s after a request")
            for key, _ in events:
                if key.fileobj is self._sender:
                    answer += self._sender.recv(65536)
                    if is_whole(answer):
                        acknowledged = now
                elif key.fileobj is self._listener:
                    self._accept()
                elif self._take(key.fileobj):  # type: ignore[arg-type]
                    delivered = now
        if not answer.startswith(b"HTTP/1.1 200"):
            raise StartError(f"the hub answered {answer[:200]!r}")
        return (acknowledged - started) * 1000, (delivered - started) * 1000

    def close(self) -> None:
        for one in (self._listener, self._sender, *self._taken):
            if one is not None:
                one.close()
        self._selector.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._taken[connection] = b""
        self._selector.register(connection, selectors.EVENT_READ)

    def _take(self, connection: socket.socket) -> bool:
        """Answers the request when it is whole."""
        data = connection.recv(65536)
        if not data:
            self._selector.unregister(connection)
            del self._taken[connection]
            connection.close()
            return False
        self._taken[connection] += data
        if not is_whole(self._taken[connection]):
            return False
        self._taken[connection] = b""
        connection.sendall(ANSWER)
        return True


def is_whole(message: bytes) -> bool:
    """An HTTP message with a Content-Length, and nothing behind it."""
    head, separator, body = message.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(separator) and len(body) >= (int(length[1]) if length else 0)


def request_of(number: int) -> bytes:
    batch = dmp.Batch("audience-1", True, [f"user-{number:08d}@example.com"])
    body = batch.body("A")
    head = f"POST /hooks/{ROUTE}?type={batch.type} HTTP/1.1\r\nHost: hub\r\n"
    head += f"Content-Type: application/json\r\nX-HMAC: {dmp.sign(KEY, body)}\r\n"
    return (head + f"Content-Length: {len(body)}\r\n\r\n").encode() + body


@asynccontextmanager
async def idle_hub(binaries: Path, folder: Path) -> AsyncIterator[tuple[Wire, list[int]]]:
    """A hub between the two ends of a wire, and the processes to watch."""
    wire = Wire()
    setup = HubSetup(binaries / "syncline", folder, KEY)
    setup.prepare(wire.destination, DELIVER)
    hub = await setup.ready(await setup.launch(), READY_S)
    try:
        wire.connect(hub.url)
        yield wire, [hub.child.pid]
    finally:
        await hub.child.end()
        wire.close()


async def measure(wire: Wire) -> Latencies:
    latencies = Latencies()
    for number in range(WARM_UP_REQUESTS + REQUESTS):
        # Blocks the loop, on purpose: nothing else is to run here meanwhile.
        acknowledged, delivered = wire.exchange(request_of(number))
        if number >= WARM_UP_REQUESTS:
            latencies.acknowledged_ms.append(acknowledged)
            latencies.delivered_ms.append(delivered)
        # The hub finishes what belongs to the last one; then it is idle again.
        await asyncio.sleep(PAUSE_S)
    return latencies
