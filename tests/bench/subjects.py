"""The servers that are measured side by side: nginx, our server without storing, the hub that
acknowledges and does nothing else, the hub with a destination that never answers, the hub that
delivers, and the peers."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import peers
from peers import RedisServer
from syncline_tools import dmp
from syncline_tools.http_load import HttpConnection
from syncline_tools.hub import CONNECTION, ROUTE, HubSetup, RunningHub, is_settled
from syncline_tools.ports import free_port
from syncline_tools.processes import Child, StartError, start

KEY = "bench"
USERS = 100_000
BODY_BYTES = 600
READY_S = 15.0
# With four batches on their way, which is the default, a flood is acknowledged faster than it is delivered: a batch has
# to wait for a processor at each of its steps.
DELIVER = {"batch_records": 100, "batch_wait_ms": 100, "concurrency": 8}
LIMITS = {"connections_per_ip_max": 1000}
LOOPBACK, SOCKET = "127.0.0.1:0", "unix:hub.sock"  # where a hub listens
DRAIN_S = 120.0
LOOK_EVERY_S = 0.5

NGINX = """\
daemon off; master_process off; worker_processes 1; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_buffer_size 1m;
  client_max_body_size 16m; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ return 200; }}
    location = /v1/memberships {{ default_type application/json; return 200 '{{"results":[]}}'; }}
  }}
}}
"""


class Running(Protocol):
    """A server under measurement."""

    url: str  # as bench_load takes it
    pids: list[int]
    bodies: Path

    async def delivered(self) -> int | None:
        """Records delivered, once nothing is waiting any more; None for a server that delivers
        nothing."""


@dataclass(slots=True)
class PlainServer:
    url: str
    pids: list[int]
    bodies: Path

    async def delivered(self) -> int | None:
        return None


@dataclass(slots=True)
class HubServer:
    setup: HubSetup
    admin_socket: Path
    url: str
    pids: list[int]
    bodies: Path

    async def watch(self, seen: list[tuple[int, int]]) -> None:
        """Adds what the hub has received and delivered so far, again and again until it is
        cancelled. Without a program for it, which would run on the cores that are measured."""
        connection = HttpConnection("hub", 0, self.admin_socket)
        try:
            while True:
                status = (await connection.request("GET", "/v1/status")).json()
                ledger = status["result"]["ledger"]
                received = ledger["routes"].get(ROUTE, {}).get("received", 0)
                delivered = ledger["connections"].get(CONNECTION, {}).get("delivered", 0)
                # Before the first request there is nothing to compare.
                if not seen or received > seen[0][0]:
                    seen.append((received, delivered))
                await asyncio.sleep(LOOK_EVERY_S)
        finally:
            connection.close()

    async def delivered(self) -> int | None:
        give_up = asyncio.get_running_loop().time() + DRAIN_S
        while not is_settled(ledger := await self.setup.ledger()):
            if asyncio.get_running_loop().time() > give_up:
                raise StartError(f"records still wait after {DRAIN_S:.0f} s: {json.dumps(ledger)}")
            await asyncio.sleep(0.05)
        return int(ledger["connection"]["delivered"])


class Subjects:
    """Starts the servers; every start is on fresh data."""

    def __init__(self, binaries: Path, folder: Path, installed: Path) -> None:
        self._binaries = binaries
        self._folder = folder
        self._installed = installed  # the packages of BullMQ
        self._runs = 0
        self._one_body = folder / "one-body.tsv"
        self._many_bodies = folder / "many-bodies.tsv"
        write_bodies(self._one_body, 1)
        write_bodies(self._many_bodies, USERS)

    def open(self, name: str) -> AbstractAsyncContextManager[Running | RedisServer]:
        if name in ("xadd", "xadd-tcp"):
            return peers.redis(self._new_folder(), over_tcp=name == "xadd-tcp")
        if name in ("keeps", "keeps-unix"):
            return self._keeps(SOCKET if name == "keeps-unix" else LOOPBACK)
        if name in ("acks", "acks-unix"):
            return self._acks(SOCKET if name == "acks-unix" else LOOPBACK)
        return {
            "bullmq": self._bullmq,
            "nginx": self._nginx,
            "plain": self._plain,
            "hub": self._hub,
        }[name]()

    @asynccontextmanager
    async def _nginx(self) -> AsyncIterator[Running]:
        folder = self._new_folder()
        port = free_port()
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, port=port), encoding="utf-8")
        child = await start(
            "nginx", ["nginx", "-p", str(folder), "-e", "stderr", "-c", str(config)], folder
        )
        try:
            await _listening(port, child)
            yield PlainServer(f"http://127.0.0.1:{port}/hooks/{ROUTE}", [child.pid], self._one_body)
        finally:
            await child.end()

    @asynccontextmanager
    async def _plain(self) -> AsyncIterator[Running]:
        folder = self._new_folder()
        child = await start(
            "bench_plain_server", [str(self._binaries / "bench_plain_server")], folder
        )
        try:
            port = int((await child.ready(r"(\d+)\s*\n", READY_S))[1])
            yield PlainServer(f"http://127.0.0.1:{port}/hooks/{ROUTE}", [child.pid], self._one_body)
        finally:
            await child.end()

    @asynccontextmanager
    async def _keeps(self, listen: str) -> AsyncIterator[Running]:
        setup = HubSetup(self._binaries / "syncline", self._new_folder(), KEY)
        setup.prepare("http://127.0.0.1:9", DELIVER, listen, limits=LIMITS)
        shutil.copy(self._binaries / "occupied.so", setup.connectors_dir)
        config = setup.config.read_text(encoding="utf-8")
        config = config.replace("connector: mapp-dmp", "connector: occupied")
        setup.config.write_text(config, encoding="utf-8")
        async with self._acknowledging(setup) as running:
            yield running

    @asynccontextmanager
    async def _acks(self, listen: str) -> AsyncIterator[Running]:
        with socket.create_server(("127.0.0.1", 0)) as silent:  # connects, and is never accepted
            setup = HubSetup(self._binaries / "syncline", self._new_folder(), KEY)
            destination = f"http://127.0.0.1:{silent.getsockname()[1]}"
            setup.prepare(destination, DELIVER, listen, limits=LIMITS)
            async with self._acknowledging(setup) as running:
                yield running

    @asynccontextmanager
    async def _acknowledging(self, setup: HubSetup) -> AsyncIterator[Running]:
        """A hub that delivers nothing; nobody waits for its end."""
        running = await setup.ready(await setup.launch(), READY_S)
        try:
            yield PlainServer(hook_of(running), [running.child.pid], self._many_bodies)
        finally:
            await running.child.end(signal.SIGKILL)

    @asynccontextmanager
    async def _bullmq(self) -> AsyncIterator[Running]:
        async with self._nginx() as sink:
            opened = peers.bullmq(
                self._installed, self._new_folder(), KEY, root_of(sink.url), ROUTE, self._many_bodies
            )
            async with opened as server:
                server.pids += sink.pids
                yield server

    @asynccontextmanager
    async def _hub(self) -> AsyncIterator[Running]:
        async with self._nginx() as sink:
            setup = HubSetup(self._binaries / "syncline", self._new_folder(), KEY)
            setup.prepare(root_of(sink.url), DELIVER, limits=LIMITS)
            running = await setup.ready(await setup.launch(), READY_S)
            try:
                pids = [running.child.pid, *sink.pids]
                yield HubServer(
                    setup, running.admin_socket, hook_of(running), pids, self._many_bodies
                )
            finally:
                await running.child.end()

    def _new_folder(self) -> Path:
        self._runs += 1
        folder = self._folder / f"run-{self._runs}"
        folder.mkdir()
        return folder


def hook_of(hub: RunningHub) -> str:
    root = hub.url if hub.port else f"http://{hub.url}:"
    return f"{root}/hooks/{ROUTE}"


def root_of(url: str) -> str:
    match = re.match(r"http://[^/]+", url)
    assert match is not None
    return match[0]


def write_bodies(path: Path, users: int) -> None:
    """Signed requests of one membership each: all users enter, then all leave. Sent in a circle,
    every request changes something, however long the measurement takes."""
    with open(path, "w", encoding="utf-8") as file:
        for is_add in (True, False):
            for number in range(users):
                batch = dmp.Batch(
                    f"audience-{number % 10}", is_add, [f"user-{number:08d}@example.com"]
                )
                body = json.loads(batch.body("A"))
                body["Note"] = ""
                body["Note"] = "x" * (BODY_BYTES - len(json.dumps(body, separators=(",", ":"))))
                text = json.dumps(body, separators=(",", ":"))
                file.write(f"{batch.type}\t{dmp.sign(KEY, text.encode())}\t{text}\n")


async def _listening(port: int, child: Child) -> None:
    give_up = asyncio.get_running_loop().time() + READY_S
    while child.exit_code is None and asyncio.get_running_loop().time() < give_up:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            writer.close()
            return
    raise StartError(f"{child.name} does not listen: {child.last_words()}")
