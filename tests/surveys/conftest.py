"""Properties are searched in the same order on every machine, and take the time they need."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "rules", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("rules")
