"""The campaign: one platform, one data directory, and one hub that is killed again and again while
load runs."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncline_tools.groups import first_of
from syncline_tools.http_load import call
from syncline_tools.hub import HubSetup, RunningHub
from syncline_tools.processes import Child, StartError, start

from .history import Histories, Key, Violation
from .load import STUCK_PREFIX, HubGate, Load, LoadOptions

DELIVER = {
    "batch_records": 100,
    "batch_wait_ms": 10,
    "attempts_max": 100_000,
    "retry_base_ms": 200,
    "retry_max_ms": 1000,
}
PANGOLIN_FAULTS = {
    "latency_ms": 2,
    "latency_jitter_ms": 8,
    "reject_users": {
        f"{STUCK_PREFIX}*": {"code": "busy", "message": "try later", "retryable": True}
    },
}
HICCUP = {"fail": {"status": 503, "count": 3}}
EARLY_KILL_SHARE = 0.1  # of the kills hit the hub before it is ready
EARLY_KILL_S_MAX = 0.05
HICCUP_SHARE = 0.2  # of the lives see the destination fail for a moment
# Every so often a life is longer than the deadline of an answer (a kill would hide a late one), and
# everything that was acknowledged until then has to arrive before the next kill.
CHECKED_EVERY_KILLS, FIRST_CHECKED = 10, 2
FAIL_POINT_COUNTS = (1, 2, 3, 10, 50, 200)
KILLS_PER_FAIL_POINT = 3  # at least
BARRIER_S = 15.0
DURABLE_S = 0.5  # long after this what the ledger has counted is on disk


@dataclass(slots=True)
class Options:
    hub: Path
    kills: int
    seed: int
    plant: str = ""
    fail_points: bool = False
    reset_every: int = 0
    run_s_max: float = 0.6
    ready_s: float = 10.0
    drain_s: float = 60.0
    stall_s: float = 10.0
    load: LoadOptions = field(default_factory=lambda: LoadOptions(32, 10, 0.01, 2.0, 0))


@dataclass(slots=True)
class Outcome:
    kills: int = 0
    kills_while_starting: int = 0
    restarts_s: list[float] = field(default_factory=list)
    fail_points_reached: Counter[str] = field(default_factory=Counter)
    fail_points_missed: list[str] = field(default_factory=list)
    ledger: dict[str, Any] = field(default_factory=dict)
    life: int = 0  # the hub's present one, from 1


class Campaign:
    def __init__(self, options: Options, folder: Path, progress: Callable[[int], None]) -> None:
        self.outcome = Outcome()
        self.histories = Histories()
        self._options = options
        self._folder = folder
        self._progress = progress
        self._rng = random.Random(options.seed)
        self._setup = HubSetup(options.hub.resolve(), folder, f"crash-{options.seed}")
        self._gate = HubGate()
        self._pangolin_port = 0
        self._hub: Child | None = None
        self._fail_points: list[str] = []
        self._armed = 0  # lives with a fail-point so far
        # Closed at the end of run().
        self._journal = open(folder / "acknowledged.jsonl", "w", encoding="utf-8")  # noqa: SIM115
        self.load = Load(options.load, self.histories, self._gate, self._setup.key, self._journal)

    async def run(self) -> None:
        """Raises Violation as soon as a promise is broken."""
        try:
            async with self._pangolin() as port:
                self._pangolin_port = port
                self._setup.prepare(
                    f"http://127.0.0.1:{port}", DELIVER, limits={"connections_per_ip_max": 1000}
                )
                await self._control(PANGOLIN_FAULTS)
                if self._options.reset_every:
                    await self._control({"reset_every": self._options.reset_every})
                if self._options.fail_points:
                    self._fail_points = await list_fail_points(self._options.hub)
                await self._under_load()
        except BaseExceptionGroup as group:
            raise first_of(group, Violation) from None
        finally:
            self._journal.close()
            if self._hub is not None:
                await self._hub.end(signal.SIGKILL)

    async def _under_load(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            sending = tasks.create_task(self.load.run())
            kills = max(self._options.kills, KILLS_PER_FAIL_POINT * len(self._fail_points))
            for number in range(1, kills + 1):
                await self._one_life(number)
                self._progress(number)
            running = await self._begin_life({})
            await asyncio.sleep(self._options.run_s_max)
            self.load.stop()
            await sending
            await self._finish(running)

    # --- one life of the hub ---

    async def _one_life(self, number: int) -> None:
        """Starts the hub, lets it work for a random time, kills it, and judges what has arrived."""
        is_checked = number % CHECKED_EVERY_KILLS == FIRST_CHECKED
        environment, point = ({}, "") if is_checked else self._arm()
        child = await self._launch(environment)
        if not point and not is_checked and self._rng.random() < EARLY_KILL_SHARE:
            await asyncio.sleep(self._rng.uniform(0, EARLY_KILL_S_MAX))
            self.outcome.kills_while_starting += 1
        elif await self._open(child, armed=bool(point)):
            if self._rng.random() < HICCUP_SHARE:
                await self._control(HICCUP)
            if is_checked:
                await self._check(child)
            run_s_max = self._options.run_s_max
            await self._let_it_work(
                child, 2 * run_s_max if point else self._rng.uniform(0.01, run_s_max)
            )
        died_alone = child.exit_code
        if died_alone is not None and not (point and died_alone == -signal.SIGKILL):
            raise Violation(
                "ended", f"the hub ended by itself with {died_alone}: {child.last_words()}"
            )
        self.outcome.fail_points_reached[point] += bool(point) and died_alone is not None
        await child.end(signal.SIGKILL)
        self._gate.closed()
        self.outcome.kills += 1
        await self._barrier()
        await self._read_log()

    async def _check(self, child: Child) -> None:
        """Under load for longer than an answer may take; then, with the load paused, everything has
        to arrive."""
        await self._let_it_work(child, self._options.load.deadline_s + self._options.run_s_max)
        await self.load.pause()
        await self._require_delivered()
        await self._require_ledger(self.histories.waiting, self.histories.repeated_waiting)
        await asyncio.sleep(DURABLE_S)
        self.histories.settle()
        self.load.resume()

    def _arm(self) -> tuple[dict[str, str], str]:
        """The next fail-point in turn, if there are any."""
        if not self._fail_points:
            return {}, ""
        point = self._fail_points[self._armed % len(self._fail_points)]
        self._armed += 1
        return {"SYNCLINE_FAIL_POINT": f"{point}:{self._rng.choice(FAIL_POINT_COUNTS)}"}, point

    async def _launch(self, environment: dict[str, str]) -> Child:
        if self._options.plant:
            environment = {**environment, "SYNCLINE_PLANT": self._options.plant}
        self._gate.incarnation += 1
        self.outcome.life = self._gate.incarnation
        self._hub = await self._setup.launch(environment)
        return self._hub

    async def _open(self, child: Child, armed: bool) -> RunningHub | None:
        """Waits until the hub serves and lets the load in; None when an armed fail-point ended it
        before that."""
        started = time.monotonic()
        try:
            running = await self._setup.ready(child, self._options.ready_s)
        except StartError as problem:
            if armed and problem.exit_code == -signal.SIGKILL:
                self.outcome.kills_while_starting += 1
                return None
            raise Violation("start", f"the hub does not come up again: {problem}") from None
        self.outcome.restarts_s.append(time.monotonic() - started)
        self._gate.opened(running.port)
        return running

    async def _begin_life(self, environment: dict[str, str]) -> RunningHub:
        running = await self._open(await self._launch(environment), armed=False)
        assert running is not None
        return running

    @staticmethod
    async def _let_it_work(child: Child, span_s: float) -> None:
        """Until the moment of the kill, or until the fail-point has done it."""
        try:
            async with asyncio.timeout(span_s):
                await child.process.wait()
        except TimeoutError:
            pass

    # --- what the destination saw ---

    async def _barrier(self) -> None:
        """Waits until everything that the dead hub sent has been handled: its connections are all
        closed."""
        give_up = time.monotonic() + BARRIER_S
        while (await self._ask("GET", "/control/state"))["connections"] > 1:
            if time.monotonic() > give_up:
                raise RuntimeError("connections of the killed hub stay open at Pangolin")
            await asyncio.sleep(0.005)

    async def _read_log(self) -> None:
        """Judges everything that has arrived since the last time; it was sent by the current life
        of the hub."""
        while True:
            path = f"/control/log?from={self.histories.entries_read}"
            answer = await call("127.0.0.1", self._pangolin_port, "GET", path, deadline_s=60)
            lines = answer.body.splitlines()
            for line in lines:
                self.histories.take(json.loads(line), self._gate.incarnation)
            if not lines:
                return

    async def _control(self, settings: dict[str, Any]) -> None:
        await self._ask("PUT", "/control", settings)

    async def _ask(self, method: str, path: str, value: object = None) -> Any:
        return (await call("127.0.0.1", self._pangolin_port, method, path, value)).json()

    # --- the end ---

    async def _finish(self, running: RunningHub) -> None:
        """Everything has to arrive, first with one key stuck, then that one too; the ledger
        balances; SIGTERM ends it."""
        await self._require_delivered()
        await self._control({"reject_users": {}})
        await self._drain("")
        for key in self.histories.incomplete():
            key.require_complete()
        self.outcome.ledger = await self._require_ledger(pending=0)
        self.outcome.fail_points_missed = [
            point for point in self._fail_points if not self.outcome.fail_points_reached[point]
        ]
        code = await running.child.end(signal.SIGTERM)
        if code != 0:
            raise Violation(
                "exit", f"SIGTERM ended the hub with {code}: {running.child.last_words()}"
            )
        await self._read_log()

    async def _require_delivered(self) -> None:
        """While nothing is being sent: every key but the stuck one gets everything."""
        await self._drain(STUCK_PREFIX)
        late = self.histories.incomplete(STUCK_PREFIX)
        if late:
            await self._explain_incomplete(late)

    async def _drain(self, but_users: str) -> None:
        """Reads the log until every key (but those) is complete, nothing new comes any more, or
        time is up."""
        started = last_news = time.monotonic()
        arrivals = -1
        while True:
            await self._read_log()
            now = time.monotonic()
            if self.histories.arrivals != arrivals:
                arrivals, last_news = self.histories.arrivals, now
            if not self.histories.incomplete(but_users):
                return
            if now - last_news > self._options.stall_s or now - started > self._options.drain_s:
                return
            await asyncio.sleep(0.1)

    async def _explain_incomplete(self, late: list[Key]) -> None:
        """Tells blocked from lost: what comes once the stuck key is released was only waiting
        behind it."""
        await self._control({"reject_users": {}})
        await self._drain("")
        for key in self.histories.incomplete():
            key.require_complete()
        raise Violation(
            "blocked", f"{len(late)} keys had to wait for a stuck one", late[0].history()
        )

    async def _require_ledger(self, pending: int, repeated_max: int = 0) -> dict[str, Any]:
        """Balances at any time, and soon has exactly so many records pending, and as many of the
        requests that were repeated."""
        give_up = time.monotonic() + self._options.stall_s
        while True:
            ledger = await self._ledger()
            if not ledger["balanced"]:
                raise Violation("ledger", f"the ledger does not balance: {json.dumps(ledger)}")
            if (
                not ledger["route"].get("pending")
                and pending <= ledger["connection"].get("pending", 0) <= pending + repeated_max
            ):
                return ledger
            if time.monotonic() > give_up:
                raise Violation(
                    "ledger",
                    f"{pending} records are pending, the ledger says: {json.dumps(ledger)}",
                )
            await asyncio.sleep(0.1)

    async def _ledger(self) -> dict[str, Any]:
        try:
            return await self._setup.ledger()
        except StartError as problem:
            raise Violation("status", f"the hub does not tell its ledger: {problem}") from None

    @asynccontextmanager
    async def _pangolin(self) -> AsyncIterator[int]:
        tool = Path(__file__).resolve().parents[3] / "tools/pangolin"
        child = await start("pangolin", [str(tool), "--listen", "127.0.0.1:0"], self._folder)
        try:
            yield int((await child.ready(r"^pangolin ready http://[^:]+:(\d+)$", 15))[1])
        finally:
            await child.end()


async def list_fail_points(hub: Path) -> list[str]:
    """What `syncline-crashable fail-points` prints, one per line."""
    process = await asyncio.create_subprocess_exec(
        str(hub), "fail-points", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    points = out.decode().split()
    if process.returncode != 0 or not points:
        raise StartError(f"`{hub} fail-points` named none and ended with {process.returncode}")
    return points
