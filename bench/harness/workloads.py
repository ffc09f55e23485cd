"""All workloads, by name."""
from . import flow, other                              # noqa: F401  they register themselves
from .workload import ALL                             # noqa: F401
