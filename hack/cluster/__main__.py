"""Entry point of `python3 -m hack.cluster`."""

import sys

from .cli import main

sys.exit(main(sys.argv[1:]))
