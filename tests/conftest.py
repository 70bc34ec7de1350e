"""What holds for every test."""

from hypothesis import HealthCheck, settings

# A slow, busy machine is no failure: neither one example nor making examples is timed. pytest's
# own timeout ends what hangs.
settings.register_profile("tablewatch", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tablewatch")
