"""The vendor's tools on an hls4ml project: finding them, running them stage by stage, and reading what they measured."""

from .failure import StageFailed
from .flow import Built, Request, build
from .installs import Install, find_installs, modules
from .project import Project, is_project, open_project
from .runner import LocalRunner, Process, Runner
from .stages import STAGES
from .table import table
from .watch import seconds_of

__all__ = [
    "STAGES",
    "Built",
    "Install",
    "LocalRunner",
    "Process",
    "Project",
    "Request",
    "Runner",
    "StageFailed",
    "build",
    "find_installs",
    "is_project",
    "modules",
    "open_project",
    "seconds_of",
    "table",
]
