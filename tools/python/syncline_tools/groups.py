"""Exception groups: what a task group raises is one exception to everybody else."""

from __future__ import annotations

from collections.abc import Iterator


def leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for exception in group.exceptions:
        if isinstance(exception, BaseExceptionGroup):
            yield from leaves(exception)
        else:
            yield exception


def first_of(
    group: BaseExceptionGroup[BaseException], wanted: type[BaseException]
) -> BaseException:
    """The first exception of that type in the group; else the first of any type."""
    flat = list(leaves(group))
    return next((exception for exception in flat if isinstance(exception, wanted)), flat[0])
