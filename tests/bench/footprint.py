"""What the hub needs at rest and with records waiting: anonymous memory, and how long a start
takes."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from subjects import DELIVER, KEY, READY_S
from syncline_tools import dmp
from syncline_tools.hub import KEY_VARIABLE, READY, ROUTE, HubSetup
from syncline_tools.http_load import HttpConnection
from syncline_tools.processes import Child, StartError
from syncline_tools.statistics import median

STARTS = 5
REST_S = 1.0  # until what a start needed once is given back
SENDERS = 8
FEED_S = 900.0
START_S = 60.0


@dataclass(slots=True)
class Footprint:
    idle_bytes: int
    queued: int
    queued_bytes: int  # RssAnon with so many records waiting
    start_empty_ms: float
    start_queued_ms: float  # after a clean end
    start_killed_ms: float  # after a SIGKILL


async def measure(binaries: Path, folder: Path, queued: int) -> Footprint:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and is never accepted
        setup = HubSetup(binaries / "syncline", folder, KEY)
        setup.prepare(f"http://127.0.0.1:{silent.getsockname()[1]}", DELIVER)
        _strip(setup.connectors_dir)
        empty = [_timed_start(setup, signal.SIGTERM) for _ in range(STARTS)]
        hub = await setup.ready(await setup.launch(), READY_S)
        try:
            await asyncio.sleep(REST_S)
            idle_bytes = rss_anon_bytes(hub.child)
            await _feed(setup, hub.url, queued)
            queued_bytes = rss_anon_bytes(hub.child)
        finally:
            await hub.child.end(deadline_s=START_S)
        after_end = [_timed_start(setup, signal.SIGKILL)]
        after_kill = [_timed_start(setup, signal.SIGKILL) for _ in range(STARTS)]
        return Footprint(
            idle_bytes, queued, queued_bytes, median(empty), median(after_end), median(after_kill)
        )


def _strip(connectors_dir: Path) -> None:
    """As the package does it: nine tenths of a connector are debug information, and a start reads
    and digests all of it."""
    for library in connectors_dir.glob("*.so"):
        subprocess.run(["strip", str(library)], check=True)


def _timed_start(setup: HubSetup, end: int) -> float:
    """Milliseconds from the call to the line that says that the hub serves; then ends it. Without
    the event loop and a program in between, which take a fifth as long as the start."""
    reading, writing = os.pipe()
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    command = setup.command("run")
    began = time.perf_counter()
    try:
        pid = os.posix_spawn(
            command[0],
            command,
            {"PATH": "/usr/bin:/bin", KEY_VARIABLE: setup.key},
            file_actions=[
                (os.POSIX_SPAWN_DUP2, null, 0),
                (os.POSIX_SPAWN_DUP2, writing, 1),
                (os.POSIX_SPAWN_DUP2, null, 2),
            ],
        )
    finally:
        os.close(writing)
        os.close(null)
    try:
        line = _first_line(reading)
        took = time.perf_counter() - began
        if not re.match(READY, line.strip()):
            raise StartError(f"the hub began with {line!r}")
        return took * 1000
    except BaseException:
        end = signal.SIGKILL
        raise
    finally:
        os.close(reading)
        os.kill(pid, end)
        os.waitpid(pid, 0)


def _first_line(descriptor: int) -> str:
    """Up to the end of the line or of the output; raises StartError when neither comes in time."""
    line = b""
    give_up = time.monotonic() + START_S
    while not line.endswith(b"\n"):
        left = max(0.0, give_up - time.monotonic())
        if not select.select([descriptor], [], [], left)[0]:
            raise StartError(f"the hub was not ready in {START_S:.0f} s")
        part = os.read(descriptor, 4096)
        if not part:
            break
        line += part
    return line.decode()


async def _feed(setup: HubSetup, url: str, records: int) -> None:
    """Brings so many records into the queue, 100 in a request."""
    host, port = re.sub("^https?://", "", url).split(":")
    numbers = iter(range(0, records, dmp.USERS_PER_BATCH))

    async def send() -> None:
        connection = HttpConnection(host, int(port))
        for first in numbers:
            users = range(first, min(first + dmp.USERS_PER_BATCH, records))
            batch = dmp.Batch("audience-1", True, [f"user-{n:08d}@example.com" for n in users])
            body = batch.body("A")
            headers = {"Content-Type": "application/json", "X-HMAC": dmp.sign(KEY, body)}
            target = f"/hooks/{ROUTE}?type={batch.type}"
            while (status := (await connection.request("POST", target, body, headers)).status) != 200:
                if status not in (429, 503):
                    raise StartError(f"the hub answered {status}")
                await asyncio.sleep(0.05)
        connection.close()

    async with asyncio.timeout(FEED_S), asyncio.TaskGroup() as group:
        for _ in range(SENDERS):
            group.create_task(send())
    give_up = time.monotonic() + FEED_S
    while (await setup.ledger())["connection"].get("pending") != records:
        if time.monotonic() > give_up:
            raise StartError("the records do not get into the queue")
        await asyncio.sleep(0.1)
    await asyncio.sleep(REST_S)


def rss_anon_bytes(child: Child) -> int:
    match = re.search(
        r"^RssAnon:\s+(\d+) kB", Path(f"/proc/{child.pid}/status").read_text(), re.MULTILINE
    )
    if match is None:
        raise StartError(f"{child.name} has no memory: {child.last_words()}")
    return int(match[1]) * 1024
