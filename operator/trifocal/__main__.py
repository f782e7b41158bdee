"""`python -m trifocal` is the command line."""

from trifocal.cli.main import main

main()
