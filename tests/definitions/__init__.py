"""Definitions as files: read, faulted, put in force and written again."""
