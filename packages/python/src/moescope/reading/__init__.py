"""Runs that a collector has stored, as numpy: over its HTTP API, with the standard library alone."""

from .collector import Collector, connect
from .facts import Alert, Attempt
from .results import ByExpert, Scalars
from .run import StoredRun

__all__ = ["Alert", "Attempt", "ByExpert", "Collector", "Scalars", "StoredRun", "connect"]
