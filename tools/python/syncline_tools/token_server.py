"""A make-believe platform with OAuth 2.0: refresh tokens are exchanged for new ones, and one that
comes a second time ends the authorisation, as a thief's would.

Everything but `/token` is the platform itself, which takes records from who shows an access token
that is valid."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from urllib.parse import parse_qs

from .http_service import HttpService, Reply, Request


class TokenPlatform:
    """`service` serves it; the rest is to be looked at, and to be bent."""

    def __init__(self, life_s: int = 3600) -> None:
        self.service = HttpService(self._handle)
        self.life_s = life_s
        self.refresh_token = "first-refresh-token"  # the one that is valid
        self.is_revoked = False
        self.token_requests = 0
        self.reused = 0  # refresh tokens that came a second time
        self.requests: list[tuple[str, int]] = []  # to the platform: id of the record, status
        self.instead: Callable[[Request], Reply | None] = lambda _: None  # of a token's answer
        self.refuses_all = False
        self.token_delay_s = 0.0
        self.clock_is_ahead_s = 0.0  # of everybody else's
        self._issued = 0
        self._ends: dict[str, float] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    @property
    def delivered(self) -> list[str]:
        return [record for record, status in self.requests if status == 200]

    def authorise(self) -> str:
        """A person consents: the refresh token of a new authorisation."""
        self._issued += 1
        self.refresh_token = f"consent-{self._issued}"
        self.is_revoked = False
        return self.refresh_token

    def withdraw(self) -> None:
        """No access token is valid any more."""
        self._ends.clear()

    def _handle(self, request: Request) -> Reply:
        if request.path == "/token":
            return self._token(request)
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        is_valid = kind == "Bearer" and self._ends.get(token, 0.0) > time.monotonic()
        status = 200 if is_valid and not self.refuses_all else 401
        self.requests.append((str(json.loads(request.body)["id"]), status))
        return Reply(status, b'{"id": 17}')

    def _token(self, request: Request) -> Reply:
        self.token_requests += 1
        if (other := self.instead(request)) is not None:
            return other
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        now = time.time() + self.clock_is_ahead_s
        headers = {"Date": formatdate(now, usegmt=True)}
        if "assertion" in form and abs(_issued_at(form["assertion"]) - now) > 60:
            return Reply(400, b'{"error": "invalid_grant"}', headers)
        answer: dict[str, object] = {}
        if form.get("grant_type") == "refresh_token":
            if self.is_revoked or form.get("refresh_token") != self.refresh_token:
                self.reused += not self.is_revoked
                self.is_revoked = True
                return Reply(400, b'{"error": "invalid_grant"}', headers)
            self._issued += 1
            self.refresh_token = f"refresh-{self._issued}"
            answer["refresh_token"] = self.refresh_token
        self._issued += 1
        access = f"access-{self._issued}"
        self._ends[access] = time.monotonic() + self.life_s
        answer |= {"access_token": access, "token_type": "Bearer", "expires_in": self.life_s}
        return Reply(200, json.dumps(answer).encode(), headers, delay_s=self.token_delay_s)


def _issued_at(assertion: str) -> float:
    claims = assertion.split(".")[1]
    return float(json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iat"])
