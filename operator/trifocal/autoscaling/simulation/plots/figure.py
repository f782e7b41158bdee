"""An empty figure in the style of all plots, and what to say where none can be drawn."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOAD, ORDERED, READY, LATE, KNOWING = "#C4C4C4", "#0072B2", "#56B4E9", "#D55E00", "#009E73"
"""The palette of Okabe and Ito, which every kind of colour vision tells apart, and a grey."""


class PlotsMissingError(Exception):
    """What draws is not installed; the message says how to get it."""


def require() -> None:
    """Whether plots can be drawn here.

    Raises:
        PlotsMissingError: matplotlib is not installed.
    """
    try:
        import matplotlib.figure  # noqa: F401, PLC0415 - an optional part
    except ImportError as error:
        raise PlotsMissingError(
            'Plots need matplotlib; install it with `pip install "trifocal[plots]"`.'
        ) from error


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure, in inches, that writes PNG without a display or state that is shared."""
    require()
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - optional
    from matplotlib.figure import Figure  # noqa: PLC0415 - optional
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415 - optional

    layout = ConstrainedLayoutEngine(h_pad=0.03, hspace=0.0)
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure
