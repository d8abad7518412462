"""The command, run as operators run it."""
