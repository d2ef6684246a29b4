"""Exit statuses of `python -m mainstay.testing`."""

FOUND = 1  # something is wrong
NOT_PLAYED = 2  # it was asked wrongly, or nothing was checked
INTERRUPTED = 130  # Ctrl-C, as shells count it
