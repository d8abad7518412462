"""One file per way to reach a person. A channel hands one message over or raises one error; it touches no table."""
