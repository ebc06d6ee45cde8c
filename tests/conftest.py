"""For all tests. A loaded machine is no failure: hypothesis sets no example a time of its own."""

from hypothesis import settings

settings.register_profile("maf", deadline=None)
settings.load_profile("maf")
