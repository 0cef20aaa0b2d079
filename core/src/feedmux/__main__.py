"""`python -m feedmux` is the command line."""

from feedmux.cli import main

main()
