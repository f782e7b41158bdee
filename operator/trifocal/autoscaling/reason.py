"""The closed list of reasons for a scaling decision, as they stand in status and metrics."""

from enum import StrEnum


class ScaleReason(StrEnum):
    """Why the scaler wants the number of replicas that it wants."""

    # Nothing is decided: the number stays
    NOT_SCALED = "NotScaled"
    """No `spec.scaling`: `spec.replicas` decides; only the signal is collected."""
    NO_READY_PODS = "NoReadyPods"
    NO_METRICS = "NoMetrics"
    """No ready pod has been read twice in the last seconds."""
    NO_SERVICE_TIME = "NoServiceTime"
    """Requests arrive, but none has been answered yet and the optimization measured nothing."""
    # The load decides
    NO_TRAFFIC = "NoTraffic"
    """Every pod was read, and none got a request: zero was seen, not assumed."""
    STEADY = "Steady"
    MORE_LOAD = "MoreLoad"
    LESS_LOAD = "LessLoad"
    OUT_OF_BOUNDS = "OutOfBounds"
    """The ordered number lies outside minReplicas and maxReplicas."""
    # No pod runs, or none ran
    SCALED_TO_ZERO = "ScaledToZero"
    """Nothing is asked, seen and not assumed, so no pod runs."""
    WAKING = "Waking"
    """No pod ran; work waits or a schedule has begun, and the first pods are on their way."""
    WAKE_UP_UNKNOWN = "WakeUpUnknown"
    """Whether work waits in front of idle or missing pods is unknown: nothing changes."""
    # Fewer would do, but not yet
    JUST_ROLLED_OUT = "JustRolledOut"
    """No pod would be needed, but a new revision got the traffic a moment ago."""
    HOLDING = "Holding"
    """More was needed within scaleDownHoldSeconds."""
    INCOMPLETE_METRICS = "IncompleteMetrics"
    """A ready pod could not be read: what it serves is unknown."""
    MEASURED_ABOVE_OBJECTIVE = "MeasuredAboveObjective"
    """The model says that fewer do; the measured latency says otherwise."""
    # More is needed, but not ordered
    WAITING_FOR_PODS = "WaitingForPods"
    """The pods are ordered and not up; ordering more would not help."""
    STEP_LIMITED = "StepLimited"
    """More is needed than may be ordered before some of it is ready."""
    MAX_REACHED = "MaxReached"
    BUDGET_LIMITED = "BudgetLimited"
    """The models of the namespace together need more GPUs than it may use."""
    MODEL_TOO_SLOW = "ModelTooSlow"
    """One request alone takes longer than the objective: replicas cannot help."""
