"""Names of people."""


def first_name(name: str | None) -> str | None:
    """The word one is greeted with: the first, unless the name is written "Last, First"."""
    if not name or not name.strip():
        return None
    last, comma, first = name.partition(",")
    words = (first if comma and first.strip() else last).split()
    return words[0] if words else None
