"""What the hub is measured beside: Redis alone, and express with BullMQ on Redis, which is the usual
way to take webhooks durably and deliver them later. Redis flushes its log before it answers."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from syncline_tools.http_load import HttpConnection
from syncline_tools.ports import free_port
from syncline_tools.processes import Child, StartError, start

BULLMQ = Path(__file__).resolve().parent / "peers/bullmq"
READY_S = 30.0
INSTALL_S = 300.0
DRAIN_S = 120.0
REDIS_OPTIONS = {
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "auto-aof-rewrite-percentage": "0",
    "maxmemory-policy": "noeviction",
}


@dataclass(slots=True)
class RedisServer:
    """Driven with redis-benchmark, over its Unix socket, unless it has a port."""

    socket: Path
    port: int  # of loopback, or 0
    pids: list[int]

    async def delivered(self) -> int | None:
        return None


@asynccontextmanager
async def redis(folder: Path, over_tcp: bool = False) -> AsyncIterator[RedisServer]:
    """A Redis of its own, with its data in the folder."""
    server = RedisServer(folder / "redis.sock", free_port() if over_tcp else 0, [])
    options = {
        **REDIS_OPTIONS,
        "bind": "127.0.0.1",
        "port": str(server.port),
        "unixsocket": str(server.socket),
        "dir": str(folder),
    }
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    child = await start("redis", ["redis-server", *words], folder)
    server.pids.append(child.pid)
    try:
        await child.ready(r"ready to accept connections", READY_S)
        yield server
    finally:
        await child.end()


@dataclass(slots=True)
class BullServer:
    url: str
    pids: list[int]
    bodies: Path

    async def delivered(self) -> int | None:
        address = urlsplit(self.url)
        connection = HttpConnection(address.hostname or "", address.port or 0)
        give_up = asyncio.get_running_loop().time() + DRAIN_S
        try:
            while True:
                state = (await connection.request("GET", "/state")).json()
                if not state["wait"] + state["active"] + state["delayed"]:
                    return int(state["acknowledged"]) - int(state["failed"])
                if asyncio.get_running_loop().time() > give_up:
                    raise StartError(f"jobs still wait after {DRAIN_S:.0f} s: {state}")
                await asyncio.sleep(0.05)
        finally:
            connection.close()


async def install_bullmq(folder: Path) -> Path:
    """Brings the pinned packages from npm into the folder, unless they are there; where to run the
    peer from."""
    for source in BULLMQ.iterdir():
        target = folder / source.name
        if target.exists() and target.read_bytes() == source.read_bytes():
            continue
        folder.mkdir(parents=True, exist_ok=True)
        if source.name == "package-lock.json":
            shutil.rmtree(folder / "node_modules", ignore_errors=True)
        shutil.copy(source, target)
    if (folder / "node_modules/.package-lock.json").exists():
        return folder
    words = ["npm", "install", "--prefix", str(folder), "--no-save", "--no-audit", "--no-fund"]
    process = await asyncio.create_subprocess_exec(
        *words,
        "--ignore-scripts",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(INSTALL_S):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise StartError(f"npm install failed: {out.decode(errors='replace')[-2000:]}")
    return folder


@asynccontextmanager
async def bullmq(
    installed: Path, folder: Path, key: str, destination: str, route: str, bodies: Path
) -> AsyncIterator[BullServer]:
    """The endpoint and the worker, a process each, since node uses one core."""
    async with redis(folder) as store:
        environment: Mapping[str, str] = {
            "NODE_ENV": "production",
            "REDIS_SOCKET": str(store.socket),
            "KEY": key,
            "DESTINATION": destination,
        }
        children: list[Child] = []
        try:
            for name in ("server", "worker"):
                words = ["node", str(installed / f"{name}.js")]
                children.append(await start(f"bullmq-{name}", words, folder, environment))
            port = int((await children[0].ready(r"^ready (\d+)$", READY_S))[1])
            await children[1].ready(r"^ready$", READY_S)
            pids = [*store.pids, *(child.pid for child in children)]
            yield BullServer(f"http://127.0.0.1:{port}/hooks/{route}", pids, bodies)
        finally:
            for child in children:
                await child.end()
