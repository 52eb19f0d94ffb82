"""Free ports for servers that have to come back on the same one."""

from __future__ import annotations

import random
import socket

# Below the range from which Linux takes the source ports of outgoing connections: a client that
# knocks at a server which is down can't be given the server's own port there.
LOWEST, HIGHEST = 20_000, 32_000


def free_port() -> int:
    """A loopback port that nobody listens on right now."""
    for _ in range(100):
        port = random.SystemRandom().randrange(LOWEST, HIGHEST)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port between {LOWEST} and {HIGHEST} on 127.0.0.1")
