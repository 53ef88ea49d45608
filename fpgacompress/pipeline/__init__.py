"""The pipeline: named steps from data to report, each reused when nothing it depends on has changed."""

from .job import STEPS, Run, check, compress, open_run

__all__ = ["STEPS", "Run", "check", "compress", "open_run"]
