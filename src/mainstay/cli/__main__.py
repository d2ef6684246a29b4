"""`python -m mainstay.cli` is `mainstay`."""

from mainstay.cli import main

main()
