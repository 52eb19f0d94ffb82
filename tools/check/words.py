"""check.words: what is unfinished, and what is true on one machine only, does not get into the repository."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree import Finding, Tree

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK|TBD|WIP)\b")
PROMISES = re.compile(r"\b(not yet implemented|not implemented yet|for now|coming soon|lorem ipsum)\b", re.I)
MACHINE_PATHS = re.compile(r"(?<![\w.}~/-])/(?:work|root|home|Users)/\w|\.\./shared\b|[A-Z]:\\Users\\")
CONFLICT = re.compile(r"^(<{7}|>{7}) ")
RULES = (
    (UNFINISHED, "unfinished"),
    (PROMISES, "unfinished"),
    (MACHINE_PATHS, "a machine's path"),
    (CONFLICT, "a merge conflict"),
)
# The words stand here as data.
EXCEPT = ("tools/check/words.py", "tools/check/self_test.py")


def findings(tree: Tree) -> Iterator[Finding]:
    for source in tree.sources():
        if not source.is_text or source.path in EXCEPT:
            continue
        for number, line in enumerate(source.lines, 1):
            for rule, what in RULES:
                match = rule.search(line)
                if match is not None:
                    yield Finding(source.path, number, f"{what}: `{match[0].strip()}`")
