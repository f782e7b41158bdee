"""What the operator may cost, and whether it costs no more. Pure."""

from collections.abc import Iterator, Sequence

from benchmarks.autoscaling.goals import Verdict
from benchmarks.reconcile.first_pass import FIRST_PASS
from benchmarks.reconcile.rows import Row
from benchmarks.reconcile.soak import SOAK
from benchmarks.reconcile.steps import CHANGE, CREATE, IDLE, RESTART
from benchmarks.reconcile.writes import OPERATOR, PROTOTYPE

CREATE_SECONDS = 30.0
"""For `MANY` objects, where the API server allows it."""
MANY, MOST = 1000, 5000
PROTOTYPE_SHARE = 0.8
"""Of the bare prototype's rate."""
STATUSES_PER_CREATE = 2.0
STATUSES_PER_CHANGE = 2.0
CHILDREN_PER_CHANGE = 1.0
RESTART_SECONDS = 4.0
MOST_MIB = 300.0
"""With `MOST` objects."""
IDLE_MILLICORES = 6.0
"""With `MANY` objects."""
MOST_LAG_SECONDS = 0.25
"""Within which the event loop wakes up."""
SOAK_GROWTH = 1.05
"""Memory at the end of a soak, as a multiple of that after its first rounds."""
WARM_ROUNDS = 3
"""After which caches are full and the allocator has its pools."""
MOST_TIMES_MANY = 6.0
"""CPU time of `MOST` objects, as a multiple of that of `MANY`: five times would be linear."""


def verdicts(rows: Sequence[Row]) -> tuple[Verdict, ...]:
    """On everything that was measured, by the number of objects."""
    return tuple(
        verdict
        for size in sorted({row.size for row in rows})
        for verdict in _of_size([row for row in rows if row.size == size])
    ) + tuple(_linear(rows))


def _of_size(rows: Sequence[Row]) -> Iterator[Verdict]:
    found = {row.step: row for row in rows if row.program == OPERATOR}
    prototype = {row.step: row for row in rows if row.program == PROTOTYPE}
    if FIRST_PASS in found and FIRST_PASS in prototype:
        yield from _rate(found[FIRST_PASS], prototype[FIRST_PASS])
    if create := found.get(CREATE):
        yield from _create(create)
    if change := found.get(CHANGE):
        yield _change(change)
    if idle := found.get(IDLE):
        yield from _idle(idle)
    if restart := found.get(RESTART):
        yield from _restart(restart)
    yield from _lag(list(found.values()))
    yield from _soak([row for row in rows if row.step == SOAK])


def _rate(ours: Row, bare: Row) -> Iterator[Verdict]:
    share = ours.objects_per_second / bare.objects_per_second
    by_writes = ours.writes_per_second / bare.writes_per_second
    yield Verdict(
        sentence=f"{ours.size}: a first pass over {ours.objects_per_second:.1f} objects/s, "
        f"{share:.0%} of the prototype's {bare.objects_per_second:.1f} (goal: at least "
        f"{PROTOTYPE_SHARE:.0%})",
        met=share >= PROTOTYPE_SHARE,
    )
    yield Verdict(
        sentence=f"{ours.size}: {ours.writes_per_second:.0f} writes/s in it, {by_writes:.0%} of "
        f"the prototype's {bare.writes_per_second:.0f} (at least {PROTOTYPE_SHARE:.0%})",
        met=by_writes >= PROTOTYPE_SHARE,
    )


def _create(row: Row) -> Iterator[Verdict]:
    if row.size == MANY:
        yield Verdict(
            sentence=f"{row.size}: created and serving in {row.seconds:.0f} s (goal: under "
            f"{CREATE_SECONDS:g})",
            met=row.seconds < CREATE_SECONDS,
        )
    if row.size == MOST:
        yield Verdict(
            sentence=f"{row.size}: {row.peak_rss_mib:.0f} MiB at most (goal: under {MOST_MIB:g})",
            met=row.peak_rss_mib < MOST_MIB,
        )
    statuses = row.per_object(row.writes.statuses)
    yield Verdict(
        sentence=f"{row.size}: {statuses:.2f} status writes per object and create (goal: at most "
        f"{STATUSES_PER_CREATE:g})",
        met=statuses <= STATUSES_PER_CREATE,
    )


def _change(row: Row) -> Verdict:
    children = row.per_object(row.writes.children)
    statuses = row.per_object(row.writes.statuses)
    return Verdict(
        sentence=f"{row.size}: a change costs {children:.2f} writes of children (goal: "
        f"{CHILDREN_PER_CHANGE:g}) and {statuses:.2f} of status (at most {STATUSES_PER_CHANGE:g})",
        met=children <= CHILDREN_PER_CHANGE and statuses <= STATUSES_PER_CHANGE,
    )


def _idle(row: Row) -> Iterator[Verdict]:
    if row.size == MANY:
        yield Verdict(
            sentence=f"{row.size}: {row.millicores:.1f} millicores at rest (goal: under "
            f"{IDLE_MILLICORES:g})",
            met=row.millicores < IDLE_MILLICORES,
        )


def _restart(row: Row) -> Iterator[Verdict]:
    yield Verdict(
        sentence=f"{row.size}: {row.writes.total} writes after a restart (goal: 0)",
        met=row.writes.total == 0,
    )
    if row.size == MANY:
        yield Verdict(
            sentence=f"{row.size}: every object looked at {row.seconds:.1f} s after a restart "
            f"(goal: under {RESTART_SECONDS:g})",
            met=row.seconds < RESTART_SECONDS,
        )


def _lag(steps: Sequence[Row]) -> Iterator[Verdict]:
    told = {row.step: row.worst_lag_seconds for row in steps if row.worst_lag_seconds is not None}
    if told:
        step = max(told, key=told.__getitem__)
        yield Verdict(
            sentence=f"{steps[0].size}: the event loop woke up within {told[step]:g} s, the latest "
            f"in {step} (goal: {MOST_LAG_SECONDS:g})",
            met=told[step] <= MOST_LAG_SECONDS,
        )


def _linear(rows: Sequence[Row]) -> Iterator[Verdict]:
    created = {row.size: row for row in rows if row.step == CREATE}
    if MANY in created and MOST in created:
        times = created[MOST].cpu_seconds / created[MANY].cpu_seconds
        yield Verdict(
            sentence=f"{MOST} objects cost {times:.1f} times the CPU time of {MANY} (goal: at "
            f"most {MOST_TIMES_MANY:g})",
            met=times <= MOST_TIMES_MANY,
        )


def _soak(rounds: Sequence[Row]) -> Iterator[Verdict]:
    if len(rounds) > WARM_ROUNDS:
        warm, last = rounds[WARM_ROUNDS - 1].rss_mib, rounds[-1].rss_mib
        yield Verdict(
            sentence=f"{rounds[0].size}: {warm:.0f} MiB after {WARM_ROUNDS} rounds of changes, "
            f"{last:.0f} after {len(rounds)} (goal: at most {SOAK_GROWTH:g} times)",
            met=last <= SOAK_GROWTH * warm,
        )
