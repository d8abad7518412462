"""Every budget, measured beside its reference in the same run."""
