"""Reports of the vendor tools as figures: C-synthesis, simulations, utilization, timing, power. Standard library only; no tool is needed."""

from .project import read_project
from .recognise import read_report
from .report import KINDS, Module, Report

__all__ = ["KINDS", "Module", "Report", "read_project", "read_report"]
