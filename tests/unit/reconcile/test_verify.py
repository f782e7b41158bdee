"""A smoke order: all pods are asked, and the worst answer counts."""

from tests.support.manifests import minimal
from tests.support.results import artifact
from trifocal.api import manifest as manifests
from trifocal.optimizer.contract import OptimizationResult
from trifocal.reconcile.observed import Observed, SmokeOutcome
from trifocal.reconcile.plan import SmokeOrder
from trifocal.reconcile.verify import Verifier
from trifocal.resources.optimization_job import build_request
from trifocal.settings import Settings
from trifocal.triton.smoke import (
    Expectation,
    SmokeDiffers,
    SmokePassed,
    SmokeUnreachable,
    SmokeVerdict,
)

SETTINGS = Settings()
ORDER = SmokeOrder(revision="r1", pods=(("one", "10.0.0.1"), ("two", "fd00::2")))


async def verify(
    verdicts: dict[str, SmokeVerdict], result: OptimizationResult | None = None
) -> tuple[SmokeOutcome, list[tuple[str, Expectation]]]:
    asked: list[tuple[str, Expectation]] = []

    async def ask(address: str, expectation: Expectation) -> SmokeVerdict:
        asked.append((address, expectation))
        return verdicts[address]

    body = minimal()
    body["metadata"] |= {"uid": "md", "generation": 1}
    md = manifests.parse(body)
    results = {build_request(md, SETTINGS).digest(): result or artifact()}
    outcome = await Verifier(ask, SETTINGS)(md, Observed(results=results), ORDER)
    return outcome, asked


ONE, TWO = "10.0.0.1:8000", "[fd00::2]:8000"


async def test_each_pod_is_asked_for_the_answers_of_this_specs_optimization() -> None:
    _, asked = await verify({ONE: SmokePassed(), TWO: SmokePassed()})
    assert [address for address, _ in asked] == [ONE, TWO]
    assert asked[0][1].model == "digits"
    assert asked[0][1].recording == artifact().smoke


async def test_pods_that_all_pass_are_all_checked() -> None:
    outcome, _ = await verify({ONE: SmokePassed(), TWO: SmokePassed()})
    assert (outcome.revision, outcome.passed, outcome.checked_pods) == (
        "r1",
        True,
        frozenset({"one", "two"}),
    )


async def test_one_other_answer_fails_the_order_for_good() -> None:
    outcome, _ = await verify({ONE: SmokeUnreachable("Silence."), TWO: SmokeDiffers("Cat.")})
    assert (outcome.passed, outcome.differs, outcome.message) == (False, True, "Cat.")


async def test_one_silent_pod_fails_the_order_for_now_and_the_other_stays_checked() -> None:
    outcome, _ = await verify({ONE: SmokeUnreachable("Silence."), TWO: SmokePassed()})
    assert (outcome.passed, outcome.differs) == (False, False)
    assert outcome.checked_pods == {"two"}


async def test_an_artifact_without_recorded_answers_is_checked_by_being_ready() -> None:
    silent = artifact().model_copy(update={"smoke": None})
    outcome, asked = await verify({}, silent)
    assert asked == []
    assert (outcome.passed, outcome.checked_pods) == (True, frozenset({"one", "two"}))
