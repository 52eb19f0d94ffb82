"""check.layers: includes follow host/modules.cmake, and third-party libraries stay hidden in one module."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree import Finding, Tree, without_comments_and_texts

GRAPH = "host/modules.cmake"
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# Prefix of a third-party header -> the modules that may include it. Not listed: free for all.
HIDDEN = {
    "spdlog/": {"core"},
    "xxhash.h": {"core"},
    "lmdb.h": {"store"},
    "curl/": {"http_client"},
    "boost/beast": {"http_server"},
    "boost/dll": {"plugin", "http_client"},
    "valijson/": {"plugin"},
    "yaml-cpp/": {"config"},
    "CLI/": {"app"},
    "openssl/": {"core", "auth", "secret", "intake", "http_client", "http_server"},
    "zlib.h": {"http_server"},
    "prometheus/": {"admin"},
}


def read_graph(text: str) -> dict[str, set[str]]:
    modules = re.search(r"set\(SYNCLINE_MODULES\s+([^)]*)\)", text)
    graph: dict[str, set[str]] = {name: set() for name in (modules[1].split() if modules else [])}
    for name, uses in re.findall(r"set\(SYNCLINE_(\w+)_USES([^)]*)\)", text):
        graph[name] = set(uses.split())
    return graph


def check_graph(graph: dict[str, set[str]]) -> Iterator[Finding]:
    """The list is ordered, lowest first: that is what makes cycles impossible."""
    below: set[str] = {"plugin_api"}
    for name, uses in graph.items():
        for used in sorted(uses - below):
            yield Finding(GRAPH, 0, f"{name} uses {used}, which does not come before it")
        below.add(name)


def check_include(graph: dict[str, set[str]], module: str, quote: str, header: str) -> str | None:
    """What is wrong with an include in a module of the host."""
    for prefix, allowed in HIDDEN.items():
        if header.startswith(prefix) and module not in allowed:
            return f"<{header}> is hidden in {', '.join(sorted(allowed))}"
    first = header.split("/")[0]
    if first == "syncline":
        return None if "plugin_api" in graph[module] else f"{module} may not use the plugin API"
    if first in graph:
        return None if first == module or first in graph[module] else f"{module} may not use {first}"
    return f'"{header}" is not written as "module/file.hpp"' if quote == '"' else None


def findings(tree: Tree) -> Iterator[Finding]:
    graph = read_graph((tree.root / GRAPH).read_text(encoding="utf-8"))
    yield from check_graph(graph)
    for source in tree.sources("host", "plugins", "plugin-api"):
        if not source.is_cpp:
            continue
        top, module = source.path.split("/")[:2]
        if top == "host" and module not in graph:
            yield Finding(source.path, 0, f"{module} is not in {GRAPH}")
            continue
        code = without_comments_and_texts(source.text).split("\n")
        for number, (line, bare) in enumerate(zip(source.lines, code), 1):
            match = INCLUDE.match(line)
            if match is None or "#" not in bare:
                continue
            if top == "host":
                what = check_include(graph, module, match[1], match[2])
            else:
                is_host = match[2].split("/")[0] in graph and match[1] == '"'
                what = f"{top} may use nothing of the host" if is_host else None
            if what is not None:
                yield Finding(source.path, number, what)
