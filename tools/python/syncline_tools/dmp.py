"""How Mapp's DMP behaves: audience changes in micro-batches, signed, repeated until they are
acknowledged, in order. Audiences are created one by one, and who creates one waits for its id."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .groups import first_of
from .http_load import Answer, HttpConnection, Unanswered
from .statistics import percentile

USERS_PER_BATCH = 100
BATCH_AGE_S = 1.0
RETRY_PAUSE_S = 0.05
RETRY_PAUSE_S_MAX = 1.0

ADD, REMOVE = "ADD_TO_AUDIENCE", "REMOVE_FROM_AUDIENCE"
CREATE = "CREATE_AUDIENCE"


@dataclass(frozen=True, slots=True)
class Change:
    """One user entering or leaving one audience."""

    audience: str
    user: str
    is_add: bool


def changes(count: int, audiences: int, seed: int) -> Iterator[Change]:
    """`count` changes, the same for the same seed. Users come back, so that the order of their
    changes matters: a user who is in leaves, a user who is out enters."""
    rng = random.Random(seed)
    users = max(10, count // audiences // 3)
    members: dict[str, set[str]] = {
        f"audience-{number}": set() for number in range(1, audiences + 1)
    }
    names = list(members)
    for _ in range(count):
        audience = rng.choice(names)
        user = f"user-{rng.randrange(users):06d}"
        is_add = user not in members[audience]
        if is_add:
            members[audience].add(user)
        else:
            members[audience].discard(user)
        yield Change(audience, user, is_add)


def final_sets(all_changes: list[Change]) -> dict[str, list[str]]:
    """What a platform that applied every change in order holds at the end."""
    sets: dict[str, set[str]] = {}
    for change in all_changes:
        members = sets.setdefault(change.audience, set())
        if change.is_add:
            members.add(change.user)
        else:
            members.discard(change.user)
    return {audience: sorted(members) for audience, members in sorted(sets.items())}


@dataclass(slots=True)
class Batch:
    """Users of one audience with the same change; one webhook request."""

    audience: str
    is_add: bool
    users: list[str] = field(default_factory=list)

    @property
    def type(self) -> str:
        return ADD if self.is_add else REMOVE

    def body(self, variant: str) -> bytes:
        """Variant A lists users per audience; B, the drifted format, has one item per user with a
        type of its own."""
        mutation: list[dict[str, object]]
        if variant == "A":
            mutation = [{"Audience": self.audience, "Users": self.users}]
        else:
            kind = "ADD" if self.is_add else "REMOVE"
            mutation = [
                {"User": user, "Audience": self.audience, "Type": kind} for user in self.users
            ]
        return json.dumps(
            {"Type": self.type, "Customer": 123, "Mutation": mutation}, separators=(",", ":")
        ).encode()


def sign(key: str, body: bytes) -> str:
    """The value of X-HMAC: hex of HMAC-SHA1 over the raw body."""
    return hmac.new(key.encode(), body, hashlib.sha1).hexdigest()


class Batcher:
    """Collects one audience's changes. Adds and removes travel in different requests, so a user who
    is waiting in the other kind of batch forces that batch out first: the order per user is
    kept."""

    def __init__(self, audience: str) -> None:
        self._open = {is_add: Batch(audience, is_add) for is_add in (True, False)}
        self._seen: dict[bool, set[str]] = {True: set(), False: set()}
        self.oldest: float | None = None  # when the first waiting change came

    def add(self, change: Change, now: float) -> list[Batch]:
        """The batches that this change completes, in the order in which they have to be sent."""
        done: list[Batch] = []
        if change.user in self._seen[not change.is_add]:
            done += self._take(not change.is_add)
        self._open[change.is_add].users.append(change.user)
        self._seen[change.is_add].add(change.user)
        self.oldest = now if self.oldest is None else self.oldest
        if len(self._open[change.is_add].users) >= USERS_PER_BATCH:
            done += self._take(change.is_add)
        return done

    def flush(self) -> list[Batch]:
        self.oldest = None
        return self._take(True) + self._take(False)

    def _take(self, is_add: bool) -> list[Batch]:
        batch = self._open[is_add]
        if not batch.users:
            return []
        self._open[is_add] = Batch(batch.audience, is_add)
        self._seen[is_add].clear()
        if not self._open[not is_add].users:
            self.oldest = None
        return [batch]


@dataclass(slots=True)
class Report:
    """What the sender saw."""

    changes: int = 0
    requests: int = 0
    acknowledged: int = 0
    repeats: int = 0
    throttled: int = 0
    elapsed_s: float = 0.0
    latencies_s: list[float] = field(
        default_factory=list
    )  # from the answered attempt's start to its 2xx

    def percentile_ms(self, share: float) -> float:
        return percentile(self.latencies_s, share) * 1000

    def as_json(self) -> dict[str, object]:
        return {
            "changes": self.changes,
            "requests": self.requests,
            "acknowledged": self.acknowledged,
            "repeats": self.repeats,
            "throttled": self.throttled,
            "elapsed_s": round(self.elapsed_s, 3),
            "ack_ms": {
                "p50": round(self.percentile_ms(0.50), 3),
                "p99": round(self.percentile_ms(0.99), 3),
                "max": round(self.percentile_ms(1.0), 3),
            },
        }


class RefusedError(Exception):
    """The endpoint refused something for good (4xx): repeating would not help."""


@dataclass(slots=True)
class Endpoint:
    """A webhook endpoint. `url` is http://host:port/path; its port may change while the sender runs
    (`move_to`)."""

    url: str
    key: str

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or "127.0.0.1"

    @property
    def port(self) -> int:
        return urlsplit(self.url).port or 80

    @property
    def path(self) -> str:
        return urlsplit(self.url).path or "/"

    def headers(self, body: bytes) -> dict[str, str]:
        return {"Content-Type": "application/json", "X-HMAC": sign(self.key, body)}


class Sender:
    """Sends changes to an endpoint at a rate; one request at a time per audience, each until it is
    acknowledged."""

    def __init__(
        self,
        endpoint: Endpoint,
        variant: str = "A",
        rate: float = 0.0,
        patience_s: float = 60.0,
        on_ack: Callable[[Report], None] = lambda _report: None,
    ) -> None:
        self.endpoint = endpoint
        self.report = Report()
        self._variant = variant
        self._rate = rate
        self._patience_s = patience_s
        self._on_ack = on_ack
        self._connections: dict[str, HttpConnection] = {}

    async def validate(self) -> None:
        """The handshake, by GET and by POST, as it was seen in the field."""
        for method, body in (("GET", b""), ("POST", b"{}")):
            await self._deliver("validate", method, f"{self.endpoint.path}?type=VALIDATE", body)

    async def send(self, all_changes: list[Change]) -> Report:
        started = time.monotonic()
        queues: dict[str, asyncio.Queue[Batch | None]] = {}
        try:
            async with asyncio.TaskGroup() as group:
                for audience in sorted({change.audience for change in all_changes}):
                    queues[audience] = asyncio.Queue(maxsize=4)
                    group.create_task(self._drain(audience, queues[audience]))
                group.create_task(self._produce(all_changes, queues))
        except BaseExceptionGroup as group:
            raise first_of(group, RefusedError) from None
        finally:
            self.close()
        self.report.elapsed_s = time.monotonic() - started
        return self.report

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    async def _produce(
        self, all_changes: list[Change], queues: dict[str, asyncio.Queue[Batch | None]]
    ) -> None:
        batchers = {audience: Batcher(audience) for audience in queues}
        started = time.monotonic()
        for index, change in enumerate(all_changes):
            while (
                self._rate > 0
                and (early := started + index / self._rate - time.monotonic()) > 0.001
            ):
                await asyncio.sleep(min(early, BATCH_AGE_S / 10))
                await self._flush_aged(batchers, queues)
            for batch in batchers[change.audience].add(change, time.monotonic()):
                await queues[change.audience].put(batch)
            await self._flush_aged(batchers, queues)
        for audience, batcher in batchers.items():
            for batch in batcher.flush():
                await queues[audience].put(batch)
            await queues[audience].put(None)

    @staticmethod
    async def _flush_aged(
        batchers: dict[str, Batcher], queues: dict[str, asyncio.Queue[Batch | None]]
    ) -> None:
        now = time.monotonic()
        for audience, batcher in batchers.items():
            if batcher.oldest is not None and now - batcher.oldest >= BATCH_AGE_S:
                for batch in batcher.flush():
                    await queues[audience].put(batch)

    async def _drain(self, audience: str, queue: asyncio.Queue[Batch | None]) -> None:
        while (batch := await queue.get()) is not None:
            body = batch.body(self._variant)
            await self._deliver(audience, "POST", f"{self.endpoint.path}?type={batch.type}", body)
            self.report.changes += len(batch.users)
            self.report.acknowledged += 1
            self._on_ack(self.report)

    async def _deliver(self, name: str, method: str, target: str, body: bytes) -> None:
        """Repeats one request until it is acknowledged; gives up after `patience_s` without an
        acknowledgement."""
        give_up = time.monotonic() + self._patience_s
        pause_s = RETRY_PAUSE_S
        problem = "no answer"
        while time.monotonic() < give_up:
            connection = self._connections.get(name)
            if connection is None or connection.port != self.endpoint.port:
                connection = self._connections[name] = HttpConnection(
                    self.endpoint.host, self.endpoint.port
                )
            self.report.requests += 1
            started = time.monotonic()
            try:
                answer = await connection.request(method, target, body, self.endpoint.headers(body))
            except (Unanswered, TimeoutError) as failure:
                problem = str(failure) or "no answer in time"
            else:
                if 200 <= answer.status < 300:
                    self.report.latencies_s.append(time.monotonic() - started)
                    return
                problem = f"{answer.status} {answer.body[:200].decode(errors='replace')}"
                if answer.status < 500 and answer.status not in (408, 429):
                    raise RefusedError(f"{method} {target} was refused: {problem}")
                if answer.headers.get("retry-after", "").isdigit():
                    self.report.throttled += 1
                    pause_s = min(float(answer.headers["retry-after"]), RETRY_PAUSE_S_MAX)
            self.report.repeats += 1
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, RETRY_PAUSE_S_MAX)
        raise RefusedError(
            f"{method} {target} was not acknowledged in {self._patience_s:.0f} s: {problem}"
        )


async def post(endpoint: Endpoint, kind: str, body: bytes) -> tuple[Answer, float]:
    """One signed request on a connection of its own, sent once: the answer, whatever it is, and
    after how many seconds it came. Raises RefusedError when none comes."""
    connection = HttpConnection(endpoint.host, endpoint.port)
    started = time.monotonic()
    try:
        answer = await connection.request(
            "POST", f"{endpoint.path}?type={kind}", body, endpoint.headers(body)
        )
    except (Unanswered, TimeoutError) as problem:
        raise RefusedError(f"{kind} was not answered: {problem or 'it took too long'}") from None
    finally:
        connection.close()
    return answer, time.monotonic() - started


async def create_audience(endpoint: Endpoint, audience: str) -> tuple[Answer, float]:
    """As the DMP creates an audience: it waits for the id, and repeats nothing by itself."""
    value = {"Type": CREATE, "Customer": 123, "Audience": audience, "Name": f"All of {audience}"}
    return await post(endpoint, CREATE, json.dumps(value, separators=(",", ":")).encode())
