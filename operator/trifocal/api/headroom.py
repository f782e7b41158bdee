"""`spec.serving.headroom`: places that are kept free, so that the next pods start at once."""

from typing import Annotated, ClassVar

from pydantic import Field

from trifocal.api.rule import Rule
from trifocal.api.schedule import BY_NAME, NAMES_DIFFER, Window
from trifocal.api.schema import ApiModel

MAX_PLACES = 100
"""For one model. Each costs as much as a pod that serves; more are rather a typing error."""


class HeadroomSchedule(Window):
    """More places from each time that `start` names to the next that `end` names."""

    replicas: Annotated[int, Field(ge=1, le=MAX_PLACES)] = Field(
        description="Places kept free meanwhile."
    )


class Headroom(ApiModel):
    """Places for pods, each with all that one serving pod asks for, devices included.

    Placeholder pods of a negative priority hold them: nodes are there and have the image, and a
    serving pod that finds no other place takes the one of a placeholder at once. Placeholders do
    no work, get no requests and count as no replicas.
    """

    replicas: Annotated[int, Field(ge=0, le=MAX_PLACES)] = Field(
        default=0,
        description="Places kept free. With spec.scaling never more than pods that may still come: "
        "maxReplicas less the replicas that are wanted.",
    )
    schedules: Annotated[tuple[HeadroomSchedule, ...], BY_NAME] = Field(
        default=(),
        description="More places at certain times. Where several are in force, the largest "
        "replicas count.",
    )

    rules: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="self.schedules.all(it, it.replicas > self.replicas)",
            holds=lambda it: all(one.replicas > it.replicas for one in it.schedules),
            says="a schedule keeps no more places free than replicas, {replicas}, which schedules "
            "only raise; raise replicas of the schedule, or lower those outside of it.",
            at=".schedules",
        ),
        NAMES_DIFFER,
    )
