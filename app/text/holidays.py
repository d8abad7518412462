"""Public holidays by country, as dates: what the rules are handed."""

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from functools import cache
from typing import cast


class Holidays(Mapping[str, Collection[date]]):
    """The holidays of every country that is known, by its two letters; years are worked out as they are looked at."""

    def __getitem__(self, country: str) -> Collection[date]:
        return _holidays(country)

    def __iter__(self) -> Iterator[str]:
        return iter(_countries())

    def __len__(self) -> int:
        return len(_countries())


@cache
def _countries() -> Collection[str]:
    from holidays import list_supported_countries

    return tuple(list_supported_countries(include_aliases=False))


@cache
def _holidays(country: str) -> Collection[date]:
    from holidays import country_holidays  # a fifth of a second to load, for those who leave holidays in peace

    try:
        return cast("Collection[date]", country_holidays(country))
    except NotImplementedError:
        raise KeyError(country) from None
