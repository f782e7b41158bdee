"""Makes the modules of the page-orientation example importable, as its script does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[5] / "examples" / "page-orientation"))
