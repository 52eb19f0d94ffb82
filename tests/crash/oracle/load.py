"""The sender: several keep-alive connections, each with groups of keys that are changed
together."""

from __future__ import annotations

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from typing import TextIO

from syncline_tools import dmp
from syncline_tools.http_load import Answer, HttpConnection, Unanswered
from syncline_tools.hub import ROUTE

from .history import Change, Histories, Key, Violation

GROUP_SIZES = (1, 1, 1, 1, 2, 3, 8)  # keys per request
STUCK_PREFIX = "stuck-"
STUCK_CHANGES_MAX = 20
THROTTLE_PAUSE_S = 0.1


class HubGate:
    """Where the hub is, and whether it is up; the sender waits here while it is not."""

    def __init__(self) -> None:
        self.port = 0
        self.incarnation = 0
        self._is_up = asyncio.Event()
        self._is_down = asyncio.Event()

    def opened(self, port: int) -> None:
        self.port = port
        self._is_down.clear()
        self._is_up.set()

    def closed(self) -> None:
        self._is_up.clear()
        self._is_down.set()

    async def up(self) -> None:
        await self._is_up.wait()

    async def down_within(self, incarnation: int, deadline_s: float) -> bool:
        """Whether that life of the hub is over, waiting a little for the news of it."""
        if self.incarnation != incarnation:
            return True
        try:
            async with asyncio.timeout(deadline_s):
                await self._is_down.wait()
        except TimeoutError:
            return False
        return True


class Group:
    """Keys that travel in one request. The body of every second request is the same, byte for
    byte."""

    def __init__(self, keys: list[Key], signing_key: str, changes_max: int | None = None) -> None:
        self.keys = keys
        self._changes_max = changes_max
        users = [key.user for key in keys]
        self._bodies: dict[bool, tuple[str, bytes, dict[str, str]]] = {}
        for is_add in (True, False):
            batch = dmp.Batch(keys[0].audience, is_add, users)
            body = batch.body("A")
            headers = {"Content-Type": "application/json", "X-HMAC": dmp.sign(signing_key, body)}
            self._bodies[is_add] = (f"/hooks/{ROUTE}?type={batch.type}", body, headers)

    @property
    def may_change(self) -> bool:
        return self._changes_max is None or len(self.keys[0].changes) < self._changes_max

    def begin(self) -> tuple[str, bytes, dict[str, str]]:
        """Starts the next change of every key; target, body and headers of its request."""
        is_add = len(self.keys[0].changes) % 2 == 0
        for key in self.keys:
            key.changes.append(Change())
        return self._bodies[is_add]

    def attempted(self, incarnation: int) -> None:
        for key in self.keys:
            change = key.changes[-1]
            change.attempts += 1
            change.sent_in = change.sent_in or incarnation

    def acknowledged(self, incarnation: int) -> None:
        for key in self.keys:
            key.changes[-1].acknowledged_in = incarnation


@dataclass(slots=True)
class LoadReport:
    acknowledged: int = 0
    unanswered: int = 0
    throttled: int = 0
    latencies_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class LoadOptions:
    lanes: int
    groups_per_lane: int
    pause_s: float  # mean time between an acknowledgement and the next request of a lane
    deadline_s: float
    seed: int


class Load:
    """All lanes. Every acknowledged request is written to a journal of the oracle's own."""

    def __init__(
        self,
        options: LoadOptions,
        histories: Histories,
        gate: HubGate,
        signing_key: str,
        journal: TextIO,
    ) -> None:
        self.report = LoadReport()
        self._options = options
        self._gate = gate
        self._journal = journal
        self._stopping = False
        self._may_send = asyncio.Event()
        self._may_send.set()
        self._in_flight = 0
        rng = random.Random(options.seed)
        self._lanes = [
            self._make_groups(lane, rng, histories, signing_key) for lane in range(options.lanes)
        ]
        stuck = [histories.key("crash-1", f"{STUCK_PREFIX}user")]
        self._lanes[0].append(Group(stuck, signing_key, STUCK_CHANGES_MAX))

    def stop(self) -> None:
        """Every lane ends once its request is acknowledged."""
        self._stopping = True

    async def pause(self) -> None:
        """No request is on its way when this returns; the hub has to be up."""
        self._may_send.clear()
        while self._in_flight:
            await asyncio.sleep(0.005)

    def resume(self) -> None:
        self._may_send.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number, groups in enumerate(self._lanes):
                tasks.create_task(
                    self._lane(groups, random.Random(self._options.seed * 1000 + number))
                )

    def _make_groups(
        self, lane: int, rng: random.Random, histories: Histories, signing_key: str
    ) -> list[Group]:
        groups = []
        for number in range(self._options.groups_per_lane):
            audience = f"crash-{rng.randrange(1, 5)}"
            users = [
                f"user-{lane:02d}-{number:02d}-{member}"
                for member in range(rng.choice(GROUP_SIZES))
            ]
            groups.append(Group([histories.key(audience, user) for user in users], signing_key))
        return groups

    async def _lane(self, groups: list[Group], rng: random.Random) -> None:
        connection = HttpConnection("127.0.0.1", 0)
        try:
            while not self._stopping:
                await self._may_send.wait()
                group = rng.choice(groups)
                if group.may_change:
                    self._in_flight += 1
                    connection = await self._until_acknowledged(connection, group)
                    self._in_flight -= 1
                await asyncio.sleep(rng.uniform(0, 2 * self._options.pause_s))
        finally:
            connection.close()

    async def _until_acknowledged(self, connection: HttpConnection, group: Group) -> HttpConnection:
        """Repeats one request until its 2xx; the connection to use next."""
        target, body, headers = group.begin()
        while True:
            await self._gate.up()
            incarnation = self._gate.incarnation
            if connection.port != self._gate.port:
                connection.close()
                connection = HttpConnection("127.0.0.1", self._gate.port)
            group.attempted(incarnation)
            started = time.monotonic()
            try:
                answer = await connection.request(
                    "POST", target, body, headers, self._options.deadline_s
                )
            except Unanswered as problem:
                self.report.unanswered += 1
                if not await self._gate.down_within(incarnation, self._options.deadline_s):
                    raise Violation(
                        "refused",
                        f"a request got no answer ({problem}) although the hub was up",
                        group.keys[0].history(),
                    ) from None
                continue
            except TimeoutError:
                self.report.unanswered += 1
                if await self._gate.down_within(incarnation, 0.05):
                    continue
                raise Violation(
                    "deadline",
                    f"a request was not answered in {self._options.deadline_s:g} s",
                    group.keys[0].history(),
                ) from None
            if 200 <= answer.status < 300:
                self._acknowledged(group, incarnation, time.monotonic() - started)
                return connection
            await self._throttled(answer)

    def _acknowledged(self, group: Group, incarnation: int, latency_s: float) -> None:
        group.acknowledged(incarnation)
        self.report.acknowledged += 1
        self.report.latencies_s.append(latency_s)
        line = {
            "audience": group.keys[0].audience,
            "users": [key.user for key in group.keys],
            "change": len(group.keys[0].changes),
            "life": incarnation,
        }
        self._journal.write(json.dumps(line) + "\n")

    async def _throttled(self, answer: Answer) -> None:
        if answer.status != 503 or "retry-after" not in answer.headers:
            raise Violation(
                "answer", f"a good request was answered {answer.status}: {answer.body[:300]!r}"
            )
        self.report.throttled += 1
        await asyncio.sleep(THROTTLE_PAUSE_S)
