"""How long Mapp's DMP waits for its answers, beside what Mapp wants: users are uploaded and
audiences created at a steady rate, on a hub and a Pangolin of their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import dmp
from .groups import first_of
from .hub import ROUTE, HubSetup, is_settled
from .platform import RunningPangolin, start_pangolin
from .statistics import percentile

UPLOAD_MS, CREATION_MS = 1000.0, 3000.0  # Mapp's targets, of p99
MET, MISSED = "met", "MISSED"
UPLOADS, CREATIONS = 200, 30
USERS_PER_UPLOAD = 10
SENDING_S = 6.0  # all requests are spread over it evenly
READY_S = 15.0
SETTLE_S = 30.0


@dataclass(slots=True)
class Waits:
    """Seconds from each request to its answer, and what was wrong at the end."""

    uploads: list[float] = field(default_factory=list)
    creations: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def in_words(waits_s: list[float], target_ms: float) -> str:
    p50, p99 = (percentile(waits_s, share) * 1000 for share in (0.5, 0.99))
    return f"{p50:,.1f} / {p99:,.1f} ms  {MET if p99 < target_ms else MISSED}"


async def measure(
    binary: Path, folder: Path, latency_ms: int, deliver: dict[str, int], key: str
) -> Waits:
    """Raises StartError when something does not start, RefusedError when an answer is not 200."""
    folder.mkdir()
    pangolin = await start_pangolin(folder, READY_S)
    setup = HubSetup(binary, folder, key, with_audiences=True)
    try:
        await pangolin.control(latency_ms=latency_ms)
        setup.prepare(pangolin.url, deliver)
        hub = await setup.ready(await setup.launch(), READY_S)
        try:
            waits = await _send(dmp.Endpoint(f"{hub.url}/hooks/{ROUTE}", key))
            waits.problems += await _problems(setup, pangolin)
            return waits
        finally:
            await hub.child.end()
    finally:
        await pangolin.child.end()


async def _send(endpoint: dmp.Endpoint) -> Waits:
    """A request goes out at its time, whether those before it are answered or not. Many users come
    before their audience is there, and have to wait for it in the hub."""
    waits = Waits()

    async def upload(number: int) -> None:
        body = dmp.Batch(_audience(number), True, _users(number)).body("A")
        answer, seconds = await dmp.post(endpoint, dmp.ADD, body)
        _must_be_200(answer.status, dmp.ADD, answer.body)
        waits.uploads.append(seconds)

    async def create(number: int) -> None:
        answer, seconds = await dmp.create_audience(endpoint, _audience(number))
        _must_be_200(answer.status, dmp.CREATE, answer.body)
        waits.creations.append(seconds)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(_spread(create, CREATIONS))
            group.create_task(_spread(upload, UPLOADS))
    except BaseExceptionGroup as failed:
        raise first_of(failed, dmp.RefusedError) from None
    return waits


async def _spread(act: Callable[[int], Coroutine[Any, Any, None]], count: int) -> None:
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            due = started + number * SENDING_S / count
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            group.create_task(act(number))


def _audience(number: int) -> str:
    return f"audience-{number % CREATIONS + 1}"


def _users(number: int) -> list[str]:
    first = number * USERS_PER_UPLOAD
    return [f"user-{user:06d}" for user in range(first, first + USERS_PER_UPLOAD)]


def _must_be_200(status: int, kind: str, body: bytes) -> None:
    if status != 200:
        words = body[:200].decode(errors="replace")
        raise dmp.RefusedError(f"{kind} was answered with {status} {words}")


async def _problems(setup: HubSetup, pangolin: RunningPangolin) -> list[str]:
    """What is not as it has to be, when everything that was sent has arrived."""
    give_up = time.monotonic() + SETTLE_S
    while not is_settled(await setup.ledger()):
        if time.monotonic() > give_up:
            return [f"records still wait after {SETTLE_S:.0f} s, or the ledger does not balance"]
        await asyncio.sleep(0.1)
    expected: dict[str, list[str]] = {}
    for number in range(UPLOADS):
        expected.setdefault(_audience(number), []).extend(_users(number))
    state = await pangolin.state()
    problems = [] if state["audiences"] == expected else ["users are not where they belong"]
    if len(state["made"]) != CREATIONS:
        problems.append(f"Pangolin has {len(state['made'])} audiences instead of {CREATIONS}")
    if state["memberships_by_id"] != state["memberships"]:
        problems.append("memberships went to another id than their audience got")
    return problems
