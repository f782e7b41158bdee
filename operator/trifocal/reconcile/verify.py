"""Carries a smoke order out: asks each pod for the recorded answers and sums up what they said."""

import asyncio
from collections.abc import Awaitable, Callable

from trifocal.api.modeldeployment import ModelDeployment
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.engines import expected
from trifocal.reconcile.observed import Observed, SmokeOutcome
from trifocal.reconcile.plan import SmokeOrder
from trifocal.settings import Settings
from trifocal.triton.arguments import HTTP_PORT
from trifocal.triton.smoke import Expectation, SmokeDiffers, SmokePassed, SmokeVerdict

Ask = Callable[[str, Expectation], Awaitable[SmokeVerdict]]
"""`trifocal.triton.smoke.smoke_test`."""


class Verifier:
    """Asks pods; the answers that it expects are those of the spec's own optimization."""

    def __init__(self, ask: Ask, settings: Settings) -> None:
        self._ask = ask
        self._settings = settings

    async def __call__(
        self, md: ModelDeployment, observed: Observed, order: SmokeOrder
    ) -> SmokeOutcome:
        """Ask all pods of the order side by side."""
        uids = (uid for uid, _ in order.pods)
        results = expected(md, observed, order.revision, uids, self._settings)
        verdicts = await asyncio.gather(
            *(self._asked(ip, _expectation(md, results.get(uid))) for uid, ip in order.pods)
        )
        return _outcome(order, verdicts)

    async def _asked(self, ip: str, expectation: Expectation | None) -> SmokeVerdict:
        if expectation is None:
            # Artifacts of an optimizer that recorded nothing: being ready is all that is known.
            return SmokePassed()
        return await self._ask(_address(ip), expectation)


def _expectation(md: ModelDeployment, result: OptimizationResult | None) -> Expectation | None:
    if result is None or result.smoke is None:
        return None
    return Expectation(
        model=md.metadata.name,
        inputs=result.inputs,
        outputs=result.outputs,
        recording=result.smoke,
    )


def _outcome(order: SmokeOrder, verdicts: list[SmokeVerdict]) -> SmokeOutcome:
    checked = frozenset(
        uid
        for (uid, _), verdict in zip(order.pods, verdicts, strict=True)
        if isinstance(verdict, SmokePassed)
    )
    failed = [v for v in verdicts if not isinstance(v, SmokePassed)]
    if not failed:
        return _passed(order, checked)
    # A wrong answer weighs more than none: it refuses the revision.
    worst = next((v for v in failed if isinstance(v, SmokeDiffers)), failed[0])
    return SmokeOutcome(
        revision=order.revision,
        passed=False,
        differs=isinstance(worst, SmokeDiffers),
        message=worst.message,
        checked_pods=checked,
    )


def _passed(order: SmokeOrder, checked: frozenset[str]) -> SmokeOutcome:
    return SmokeOutcome(
        revision=order.revision,
        passed=True,
        message="The pods gave the recorded answers.",
        checked_pods=checked,
    )


def _address(ip: str) -> str:
    return f"[{ip}]:{HTTP_PORT}" if ":" in ip else f"{ip}:{HTTP_PORT}"
