"""A hub, a Pangolin and a folder for one test."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tools/python"))

from syncline_tools import dmp  # noqa: E402
from syncline_tools.http_load import Answer, call  # noqa: E402
from syncline_tools.hub import KEY_VARIABLE, ROUTE, HubSetup, RunningHub  # noqa: E402
from syncline_tools.pangolin import Pangolin  # noqa: E402
from syncline_tools.processes import Child  # noqa: E402
from syncline_tools.statistics import percentile  # noqa: E402

BINARY = Path(os.environ.get("SYNCLINE_HUB", HERE.parents[1] / "build/release/bin/syncline"))
KEY = "a key for tests"
DELIVER = {"batch_wait_ms": 10, "retry_base_ms": 50, "retry_max_ms": 200}
WAIT_S = 30.0
NOBODY = 65534


@dataclass(slots=True)
class Ended:
    """A process that has ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


async def run(
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    stdin: str | int = asyncio.subprocess.DEVNULL,
) -> Ended:
    """Runs a command to its end, which has to come within WAIT_S. `stdin` is what it reads, or a descriptor."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE if isinstance(stdin, str) else stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        async with asyncio.timeout(WAIT_S):
            out, err = await process.communicate(stdin.encode() if isinstance(stdin, str) else None)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError(f"{' '.join(command)} did not end in {WAIT_S:.0f} s") from None
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


def own_memory_kib(hub: RunningHub) -> int:
    """What the process has of its own."""
    status = Path(f"/proc/{hub.child.pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon"))


# What the hub frees, the system gets back at once, and threads keep nothing: else what the allocator has in stock
# decides what is measured.
TIDY_MEMORY = {"MALLOC_CONF": "narenas:1,tcache:false,dirty_decay_ms:0,muzzy_decay_ms:0"}
REST_S = 3.0  # the state commits what it has in memory every second


async def memory_at_rest_kib(hub: RunningHub) -> int:
    """The least that the process has of its own for a while in which it gets no work."""
    give_up = time.monotonic() + REST_S
    least = own_memory_kib(hub)
    while time.monotonic() < give_up:
        await asyncio.sleep(0.05)
        least = min(least, own_memory_kib(hub))
    return least


def swap_pauses(log_lines: Iterable[str]) -> str:
    """What the hub says of its swaps: how long the change itself took, and how long calls for a new version waited
    for results of the one before."""
    told: dict[str, list[int]] = {"switch_us": [], "held_us": []}
    for line in log_lines:
        for name, values in told.items():
            if f'"{name}"' in line:
                values.append(int(json.loads(line)[name]))
    return "; ".join(
        f"{name} at most {max(values)} (p99 {percentile(values, 0.99):.0f}, {len(values)} times)"
        for name, values in told.items()
    )


class HubTest(unittest.IsolatedAsyncioTestCase):
    """Has `folder`, `setup` and `pangolin`; what it started ends with the test."""

    async def asyncSetUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="syncline-test."))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.setup = HubSetup(BINARY.resolve(), self.folder, KEY)
        self.pangolin = Pangolin()
        await self.pangolin.service.start("127.0.0.1", 0)
        self.addAsyncCleanup(self.pangolin.service.stop)
        self.pangolin_port = self.pangolin.service.port
        self.prepare()

    def prepare(self, **deliver: int) -> None:
        url = f"http://127.0.0.1:{self.pangolin_port}"
        self.setup.prepare(url, {**DELIVER, **deliver})

    def edit(self, old: str, new: str) -> None:
        """Changes the configuration file in one place."""
        text = self.setup.config.read_text(encoding="utf-8")
        self.assertEqual(text.count(old), 1, old)
        self.setup.config.write_text(text.replace(old, new), encoding="utf-8")

    async def start(self, environment: Mapping[str, str] | None = None) -> RunningHub:
        child = await self.setup.launch(environment)
        self.addAsyncCleanup(child.end, signal.SIGKILL)
        return await self.setup.ready(child, WAIT_S)

    async def stop(self, hub: RunningHub) -> None:
        self.assertEqual(await hub.child.end(signal.SIGTERM, WAIT_S), 0, hub.child.last_words())

    async def syncline(
        self,
        *words: str,
        key: bool = True,
        environment: Mapping[str, str] | None = None,
        stdin: str | int = asyncio.subprocess.DEVNULL,
    ) -> Ended:
        given = {KEY_VARIABLE: KEY} if key else {}
        return await run(self.setup.command(*words), {**given, **(environment or {})}, stdin)

    async def result(self, *words: str) -> Any:
        """What a verb answers with --json, when it succeeds."""
        ended = await self.syncline(*words, "--json")
        envelope = ended.json()
        self.assertEqual((ended.code, envelope["ok"]), (0, True), ended.out)
        return envelope["result"]

    async def send(
        self, hub: RunningHub, users: Sequence[str], audience: str = "a", key: str = KEY
    ) -> Answer:
        body = dmp.Batch(audience, True, list(users)).body("A")
        return await self.post(hub, body, {"X-HMAC": dmp.sign(key, body)})

    async def post(
        self, hub: RunningHub, body: bytes, headers: Mapping[str, str], path: str = f"/hooks/{ROUTE}"
    ) -> Answer:
        from syncline_tools.http_load import HttpConnection

        connection = HttpConnection("127.0.0.1", hub.port)
        try:
            return await connection.request(
                "POST", f"{path}?type=ADD_TO_AUDIENCE", body, headers, WAIT_S
            )
        finally:
            connection.close()

    async def members(self, audience: str = "a") -> list[str]:
        state = (await call("127.0.0.1", self.pangolin_port, "GET", "/control/state")).json()
        found: list[str] = state["audiences"].get(audience, [])
        return found

    async def until(self, what: str, holds: Callable[[Any], bool]) -> Any:
        """Waits until the ledger of the hub is as wanted; returns it."""
        give_up = asyncio.get_running_loop().time() + WAIT_S
        while True:
            ledger = await self.setup.ledger()
            if holds(ledger):
                return ledger
            if asyncio.get_running_loop().time() > give_up:
                self.fail(f"{what}: not within {WAIT_S:.0f} s; {ledger}")
            await asyncio.sleep(0.05)

    async def settled(self) -> Any:
        return await self.until(
            "nothing waits",
            lambda ledger: not ledger["route"].get("pending")
            and not ledger["connection"].get("pending"),
        )


__all__ = [
    "BINARY", "HERE", "KEY", "KEY_VARIABLE", "NOBODY", "ROUTE", "WAIT_S",
    "TIDY_MEMORY", "Child", "Ended", "HubTest", "RunningHub", "call", "dmp", "memory_at_rest_kib", "run", "swap_pauses",
]  # fmt: skip
