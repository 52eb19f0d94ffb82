#!/usr/bin/python3
"""OpenStack Swift's S3 interface as a server of its own: it verifies AWS signatures of version 4.

The interface (s3api) is Debian's; behind it stands a store in memory in the place of Swift's own
proxy, which asks it for its verdict on the signature as Swift's tempauth does. Stricter than most
servers of its kind: it compares the hash of the body, refuses signed moments that are off by more
than 15 minutes, and headers `x-amz-meta-*` and the like that are not signed.

Laxer than AWS: it takes any value of a session token that is signed (what it has to be is compared
here), keeps one of several query parameters of a name, does not demand that Host or Content-Type
are signed, and knows one region.

  swift_s3.py REGION KEY_ID SECRET [TOKEN]     prints its port, serves until SIGTERM
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import time
from dataclasses import dataclass
from socketserver import ThreadingMixIn
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from swift.common import swob
from swift.common.middleware.s3api.s3api import filter_factory

QUERY_SENT = "peers.query_sent"  # s3api takes away what it has understood
BODY_BYTES_MAX = 64 * 1024 * 1024


@dataclass
class Stored:
    body: bytes
    headers: dict[str, str]

    def all_headers(self) -> dict[str, str]:
        etag = hashlib.md5(self.body, usedforsecurity=False).hexdigest()
        return {"Etag": etag, "X-Timestamp": f"{time.time():.5f}", **self.headers}


class Store:
    """As much of Swift's own interface as s3api needs: /v1/ACCOUNT/CONTAINER/OBJECT."""

    def __init__(self, key_id: str, secret: str, token: str) -> None:
        self.key_id, self.secret, self.token = key_id, secret, token
        self.containers: dict[str, dict[str, Stored]] = {}

    def is_authentic(self, request: swob.Request) -> bool:
        if request.environ.get("swift.authorize_override"):
            return True  # s3api asks for itself whether there is a bucket
        details = request.environ.get("s3api.auth_details")
        if details is None:
            return False
        query = parse_qs(request.environ[QUERY_SENT]).get("X-Amz-Security-Token", [""])
        token = request.headers.get("X-Amz-Security-Token") or query[0]
        return (
            details["access_key"] == self.key_id
            and token == self.token
            and bool(details["check_signature"](self.secret))
        )

    @swob.wsgify
    def __call__(self, request: swob.Request) -> swob.Response:
        if not self.is_authentic(request):
            return swob.HTTPUnauthorized(request=request)
        _, _, container, name = request.split_path(2, 4, True)
        if name:
            return self.object(request, container, name)
        if container is None:
            return swob.HTTPNoContent(request=request)
        if request.method == "PUT":
            self.containers.setdefault(container, {})
            return swob.HTTPCreated(request=request)
        if container not in self.containers:
            return swob.HTTPNotFound(request=request)
        if request.method == "GET":
            return self.listing(request, container)
        return swob.HTTPNoContent(request=request)

    def object(self, request: swob.Request, container: str, name: str) -> swob.Response:
        objects = self.containers.get(container)
        if objects is None:
            return swob.HTTPNotFound(request=request)
        if request.method == "PUT":
            headers = {
                key: value for key, value in request.headers.items() if key.lower().startswith("x-object-meta-")
            }
            headers["Content-Type"] = request.headers.get("Content-Type") or "binary/octet-stream"
            body = self.body(request)
            objects[name] = Stored(body, headers)
            return swob.HTTPCreated(request=request, headers=objects[name].all_headers())
        if name not in objects:
            return swob.HTTPNotFound(request=request)
        if request.method == "DELETE":
            del objects[name]
            return swob.HTTPNoContent(request=request)
        stored = objects[name]
        return swob.HTTPOk(
            request=request, body=stored.body, headers=stored.all_headers(), conditional_response=True
        )

    @staticmethod
    def body(request: swob.Request) -> bytes:
        left, parts = min(request.content_length or 0, BODY_BYTES_MAX), []
        while left > 0:
            part = request.environ["wsgi.input"].read(min(left, 65536))
            if not part:
                break
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def listing(self, request: swob.Request, container: str) -> swob.Response:
        prefix = swob.wsgi_to_str(request.params.get("prefix", ""))
        rows: list[dict[str, Any]] = [
            {
                "name": swob.wsgi_to_str(name),
                "hash": stored.all_headers()["Etag"],
                "bytes": len(stored.body),
                "content_type": stored.headers["Content-Type"],
                "last_modified": "2026-01-01T00:00:00.000000",
            }
            for name, stored in sorted(self.containers[container].items())
            if swob.wsgi_to_str(name).startswith(prefix)
        ]
        limit = int(request.params.get("limit", 10000))
        return swob.HTTPOk(request=request, body=json.dumps(rows[:limit]).encode(), content_type="application/json")


class Handler(WSGIRequestHandler):
    """Passes on the head as it came, which eventlet does in Swift."""

    def get_environ(self) -> dict[str, Any]:
        environ = super().get_environ()
        environ["headers_raw"] = tuple(self.headers.items())
        environ["RAW_PATH_INFO"] = self.path.partition("?")[0]
        environ[QUERY_SENT] = environ["QUERY_STRING"]
        if not environ["CONTENT_LENGTH"]:
            del environ["CONTENT_LENGTH"]
        return environ

    def log_message(self, *_arguments: Any) -> None:
        pass


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


def main() -> int:
    if len(sys.argv) not in (4, 5):
        print(__doc__, file=sys.stderr)
        return 2
    region, *keys = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    store = Store(*keys, *[""] * (3 - len(keys)))
    server = Server(("127.0.0.1", 0), Handler)
    server.set_app(filter_factory({"location": region, "allow_multipart_uploads": "no"})(store))
    print(server.server_port, flush=True)
    server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
