"""Pangolin: a make-believe marketing platform that keeps audiences as sets of users.

POST /v1/memberships has one result per membership. POST /v1/audiences {"external_id", "name"} makes an audience or
renames it, and gives its id, by which memberships may name it, too; DELETE /v1/audiences/{id} removes it with its
members. Sets are shown under the external id. The control API makes it
slow, failing or forgetful, and shows its sets and the raw sequence of everything that it was sent,
which is what the crash oracle reads."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from .http_service import HttpService, Reply, Request

ACTIONS = ("add", "remove")
LOG_LINES_MAX = 50_000  # of one answer; a reader asks again from where it ended


@dataclass(slots=True)
class Faults:
    """How Pangolin misbehaves. Everything is off at the start and after /control/clear."""

    latency_ms: float = 0.0
    latency_jitter_ms: float = 0.0
    fail_status: int = 503
    fail_count: int = 0  # how many of the next requests fail
    fail_retry_after: int | None = None
    reset_every: int = 0  # every n-th request is applied and then closed without an answer
    reject_users: dict[str, dict[str, Any]] = field(default_factory=dict)
    hang: bool = False


@dataclass(slots=True)
class Entry:
    """One membership as it was sent, in order of arrival."""

    audience: str
    user: str
    action: str
    request: int
    connection: int
    applied: bool
    answered: bool

    def line(self, sequence: int) -> str:
        return json.dumps(
            {
                "seq": sequence,
                "audience": self.audience,
                "user": self.user,
                "action": self.action,
                "request": self.request,
                "connection": self.connection,
                "applied": self.applied,
                "answered": self.answered,
            },
            separators=(",", ":"),
        )


def _json(status: int, value: object, **extra: Any) -> Reply:
    return Reply(status, json.dumps(value, separators=(",", ":")).encode(), **extra)


def _error(status: int, text: str) -> Reply:
    return _json(status, {"error": text})


class Pangolin:
    """State and routes; knows nothing of sockets but the number of open connections."""

    def __init__(self, log: IO[str] | None = None, seed: int = 0) -> None:
        self.service = HttpService(self.handle)
        self._log_file = log
        self._random = random.Random(seed)
        self._clear()

    def _clear(self) -> None:
        self._faults = Faults()
        self._audiences: dict[str, set[str]] = {}
        self._made: dict[str, dict[str, str]] = {}  # id and name by external id
        self._audiences_made = 0
        self._ids: dict[tuple[str, str], int] = {}
        self._log: list[Entry] = []
        self._requests = 0
        self._memberships = 0
        self._memberships_by_id = 0

    def handle(self, request: Request) -> Reply:
        route = (request.method, request.path)
        if route == ("POST", "/v1/memberships"):
            return self._platform_call(request, self._change_memberships)
        if route == ("POST", "/v1/audiences"):
            return self._platform_call(request, self._make_audience)
        if request.method == "DELETE" and request.path.startswith("/v1/audiences/"):
            return self._platform_call(request, self._delete_audience)
        if route == ("PUT", "/control"):
            return self._control(request)
        if route == ("GET", "/control/state"):
            return self._state()
        if route == ("GET", "/control/log"):
            return self._log_page(request)
        if route == ("POST", "/control/clear"):
            self._clear()
            return _json(200, {"ok": True})
        return _error(404, f"Pangolin has no {request.method} {request.path}")

    # --- the platform's own API ---

    def _platform_call(self, request: Request, act: Callable[[Request, bool], Reply]) -> Reply:
        """Counts, fails and delays as it was told; `act` is told whether its answer will arrive."""
        self._requests += 1
        faults = self._faults
        if faults.hang:
            return Reply(hang=True)
        delay_s = faults.latency_ms / 1000
        if faults.latency_jitter_ms:
            delay_s += self._random.uniform(0, faults.latency_jitter_ms) / 1000
        if faults.fail_count > 0:
            return self._fail(delay_s)
        reset = faults.reset_every > 0 and self._requests % faults.reset_every == 0
        # The effect comes before the wait: whoever gives up in between does not know what happened.
        reply = act(request, not reset)
        if reply.status < 400:
            reply.delay_s = delay_s
            reply.drop = reset
        return reply

    def _change_memberships(self, request: Request, answered: bool) -> Reply:
        try:
            memberships = json.loads(request.body)["memberships"]
        except (ValueError, KeyError, TypeError):
            return _error(400, 'the body is not {"memberships":[...]}')
        if not isinstance(memberships, list) or not all(
            isinstance(item, dict) for item in memberships
        ):
            return _error(400, '"memberships" is not an array of objects')
        results = [
            self._apply(index, item, request.connection, answered)
            for index, item in enumerate(memberships)
        ]
        if self._log_file is not None:
            self._log_file.flush()
        return _json(200, {"results": results})

    def _make_audience(self, request: Request, _answered: bool) -> Reply:
        try:
            body = json.loads(request.body)
            external_id, name = body["external_id"], body["name"]
        except (ValueError, KeyError, TypeError):
            return _error(400, 'the body is not {"external_id":...,"name":...}')
        if not (isinstance(external_id, str) and external_id and isinstance(name, str)):
            return _error(400, "external_id and name are texts")
        is_new = external_id not in self._made
        if is_new:
            self._audiences_made += 1
            self._made[external_id] = {"id": f"a-{self._audiences_made}"}
        self._made[external_id]["name"] = name
        return _json(201 if is_new else 200, self._made[external_id])

    def _delete_audience(self, request: Request, _answered: bool) -> Reply:
        wanted = request.path.removeprefix("/v1/audiences/")
        external_id = self._external_id(wanted)
        if self._made.pop(external_id, None) is None:
            return _error(404, f"there is no audience {wanted}")
        self._audiences.pop(external_id, None)
        return _json(200, {})

    def _external_id(self, audience: str) -> str:
        for external_id, made in self._made.items():
            if made["id"] == audience:
                return external_id
        return audience

    def _fail(self, delay_s: float) -> Reply:
        self._faults.fail_count -= 1
        reply = _error(self._faults.fail_status, "Pangolin was told to fail")
        reply.delay_s = delay_s
        if self._faults.fail_retry_after is not None:
            reply.headers = {"Retry-After": str(self._faults.fail_retry_after)}
        return reply

    def _apply(
        self, index: int, item: dict[str, Any], connection: int, answered: bool
    ) -> dict[str, Any]:
        audience, user, action = item.get("audience"), item.get("user"), item.get("action")
        if (
            not (isinstance(audience, str) and audience and isinstance(user, str) and user)
            or action not in ACTIONS
        ):
            return {
                "index": index,
                "error": {
                    "code": "invalid_membership",
                    "retryable": False,
                    "message": "a membership needs audience, user and action (add or remove)",
                },
            }
        named = audience
        audience = self._external_id(named)
        self._memberships_by_id += named != audience
        rejection = self._rejection(user) if self._faults.reject_users else None
        entry = Entry(
            audience, user, action, self._requests, connection, rejection is None, answered
        )
        self._log.append(entry)
        self._memberships += 1
        if self._log_file is not None:
            self._log_file.write(entry.line(len(self._log) - 1) + "\n")
        if rejection is not None:
            return {"index": index, "error": rejection}
        members = self._audiences.setdefault(audience, set())
        if action == "add":
            members.add(user)
        else:
            members.discard(user)
        number = self._ids.setdefault((audience, user), len(self._ids) + 1)
        return {"index": index, "id": f"m-{number}"}

    def _rejection(self, user: str) -> dict[str, Any] | None:
        for pattern, error in self._faults.reject_users.items():
            if user == pattern or (pattern.endswith("*") and user.startswith(pattern[:-1])):
                return error
        return None

    # --- the control API ---

    def _control(self, request: Request) -> Reply:
        """Replaces the settings that the body names and leaves the others."""
        try:
            wanted = json.loads(request.body)
            if not isinstance(wanted, dict):
                raise ValueError("the body is not an object")
            self._change_faults(wanted)
        except (ValueError, TypeError, AttributeError) as problem:
            return _error(400, f"control: {problem}")
        return _json(200, {"ok": True})

    def _change_faults(self, wanted: dict[str, Any]) -> None:
        faults = self._faults
        for name, value in wanted.items():
            if name in ("latency_ms", "latency_jitter_ms"):
                setattr(faults, name, float(value))
            elif name == "reset_every":
                faults.reset_every = int(value)
            elif name == "hang":
                faults.hang = bool(value)
            elif name == "fail":
                faults.fail_status = int(value.get("status", 503))
                faults.fail_count = int(value.get("count", 1))
                faults.fail_retry_after = value.get("retry_after")
            elif name == "reject_users":
                faults.reject_users = {
                    user: self._rejection_error(error) for user, error in value.items()
                }
            else:
                raise ValueError(f"there is no setting '{name}'")

    @staticmethod
    def _rejection_error(error: dict[str, Any]) -> dict[str, Any]:
        return {
            "code": str(error.get("code", "rejected")),
            "message": str(error.get("message", "told to reject")),
            "retryable": bool(error.get("retryable", False)),
        }

    def _state(self) -> Reply:
        # Connections are accepted in the order in which they came: when this request is served,
        # every older one has been accepted and is counted until its bytes are handled and it is
        # closed.
        return _json(
            200,
            {
                "audiences": {
                    name: sorted(users) for name, users in sorted(self._audiences.items())
                },
                "made": dict(sorted(self._made.items())),
                "requests": self._requests,
                "memberships": self._memberships,
                "memberships_by_id": self._memberships_by_id,
                "connections": self.service.connections_open,
            },
        )

    def _log_page(self, request: Request) -> Reply:
        text = request.query.get("from", ["0"])[0]
        if not text.isdigit():
            return _error(400, "from is not a number")
        start = int(text)
        entries = self._log[start : start + LOG_LINES_MAX]
        lines = "".join(entry.line(start + offset) + "\n" for offset, entry in enumerate(entries))
        return Reply(200, lines.encode(), content_type="application/x-ndjson")
