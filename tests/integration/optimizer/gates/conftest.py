"""Makes the example's modules importable, as its script does by lying beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4] / "examples" / "page-orientation"))
