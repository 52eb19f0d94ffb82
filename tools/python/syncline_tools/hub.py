"""The hub as tools and tests see it: a configuration file, a process, its ledger."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .processes import Child, StartError, run_json, start

KEY_VARIABLE = "ACME_DMP_KEY"
ROUTE = "acme-dmp"
CONNECTION = "audiences"  # of the memberships; with audiences of their own: MEMBERS
MEMBERS = "members"
CONNECTORS = ("mapp-dmp", "pangolin")
READY = r"^syncline ready (https?://\S+:(\d+)|unix:\S+) admin unix:(\S+)$"

CONFIG = """\
version: 1
hub:
  data_dir: {data_dir}
  connectors_dir: {connectors_dir}
  listen: {listen}
{limits}accounts:
  acme-dmp: {{ connector: mapp-dmp }}
  pangolin: {{ connector: pangolin, settings: {{ base_url: {base_url} }} }}
connections:
{connections}"""

MEMBERSHIPS = """\
  {name}:
    from: {{ account: acme-dmp, stream: audience_memberships }}
    to:   {{ account: pangolin, stream: audience_memberships }}
    triggers:
      webhook:
        name: acme-dmp
{webhook}    map:
      audience: .audience
      user: .user
    deliver: {deliver}
"""

AUDIENCES = """\
  audiences:
    from: {{ account: acme-dmp, stream: audiences }}
    to:   {{ account: pangolin, stream: audiences }}
    triggers:
      webhook:
        name: acme-dmp
{webhook}"""

WEBHOOK = """\
        verify:
          - {{ scheme: hmac, preset: mapp, key: "${{ACME_DMP_KEY}}" }}
        success_status: 200
{message_id}{answer_from}"""


@dataclass(slots=True)
class HubSetup:
    """A folder with a configuration, a data directory and connectors; the hub can be started on it
    again and again. With audiences, they are made by a connection of their own, and memberships
    wait for them; without, memberships are all that goes out."""

    binary: Path
    folder: Path
    key: str
    with_audiences: bool = False
    config: Path = field(init=False)
    data_dir: Path = field(init=False)
    connectors_dir: Path = field(init=False)

    def __post_init__(self) -> None:
        self.config = self.folder / "syncline.yaml"
        self.data_dir = self.folder / "data"
        self.connectors_dir = self.folder / "connectors"

    def prepare(
        self,
        pangolin_url: str,
        deliver: Mapping[str, int],
        listen: str = "127.0.0.1:0",
        limits: Mapping[str, int] | None = None,
        message_id: str = "",
    ) -> None:
        """Writes the configuration and drops the connectors into their directory."""
        self.data_dir.mkdir(exist_ok=True)
        self.connectors_dir.mkdir(exist_ok=True)
        for source in find_connectors(self.binary):
            shutil.copy(source, self.connectors_dir)
        self.config.write_text(
            CONFIG.format(
                data_dir=json.dumps(str(self.data_dir)),
                connectors_dir=json.dumps(str(self.connectors_dir)),
                listen=json.dumps(listen),
                base_url=json.dumps(pangolin_url),
                limits=f"  limits: {_flow(limits)}\n" if limits else "",
                connections=self._connections(_flow(deliver), message_id),
            ),
            encoding="utf-8",
        )

    def _connections(self, deliver: str, message_id: str) -> str:
        """The first of the connections says what the webhook they share is like."""
        webhook = WEBHOOK.format(
            message_id=f"        message_id: {{ header: {message_id} }}\n" if message_id else "",
            answer_from="        answer_from: audiences\n" if self.with_audiences else "",
        )
        if not self.with_audiences:
            return MEMBERSHIPS.format(name=CONNECTION, webhook=webhook, deliver=deliver)
        members = MEMBERSHIPS.format(name=MEMBERS, webhook="", deliver=deliver)
        return AUDIENCES.format(webhook=webhook) + members

    def command(self, *words: str) -> list[str]:
        return [str(self.binary), *words, "-c", str(self.config)]

    async def launch(
        self, environment: Mapping[str, str] | None = None, outlives: bool = False
    ) -> Child:
        """Starts the hub and does not wait for it."""
        everything = {KEY_VARIABLE: self.key, **(environment or {})}
        return await start("hub", self.command("run"), self.folder, everything, outlives)

    async def ready(self, child: Child, deadline_s: float) -> RunningHub:
        """Waits for the line that says that the hub serves; ends it and raises StartError when that
        does not come."""
        try:
            match = await child.ready(READY, deadline_s)
        except BaseException:
            await child.end(signal.SIGKILL)
            raise
        return RunningHub(child, match[1], int(match[2] or 0), Path(match[3]))

    async def ledger(self) -> dict[str, Any]:
        """The ledger of the running hub, `connection` being that of the memberships; raises
        StartError when there is no answer."""
        status = await run_json(
            self.command("status", "--json"), environment={KEY_VARIABLE: self.key}
        )
        try:
            ledger = status["result"]["ledger"]
            return {
                "balanced": ledger["balanced"],
                "route": ledger["routes"].get(ROUTE, {}),
                "connection": ledger["connections"].get(
                    MEMBERS if self.with_audiences else CONNECTION, {}
                ),
                "connections": ledger["connections"],
            }
        except (KeyError, TypeError):
            raise StartError(
                f"`syncline status --json` has no ledger: {json.dumps(status)[:500]}"
            ) from None


@dataclass(slots=True)
class RunningHub:
    child: Child
    url: str  # `unix:PATH` on a Unix socket
    port: int  # 0 on a Unix socket
    admin_socket: Path


def find_connectors(binary: Path) -> list[Path]:
    """The two connectors of the demonstration from the build that the binary belongs to."""
    folder = binary.resolve().parent.parent / "connectors"
    found: list[Path] = []
    for name in CONNECTORS:
        matches = [
            path for path in sorted(folder.glob("*.so")) if name in path.name.replace("_", "-")
        ]
        if not matches:
            raise StartError(
                f"there is no connector {name} in {folder}; build it first (cmake --build "
                "--preset release)"
            )
        found.append(matches[0])
    return found


def is_settled(ledger: Mapping[str, Any]) -> bool:
    """Nothing is waiting any more and every record is accounted for."""
    return (
        bool(ledger["balanced"])
        and not ledger["route"].get("pending")
        and not any(
            counters.get("pending") or counters.get("parked")
            for counters in ledger["connections"].values()
        )
    )


def _flow(mapping: Mapping[str, int]) -> str:
    return "{ " + ", ".join(f"{name}: {value}" for name, value in mapping.items()) + " }"
