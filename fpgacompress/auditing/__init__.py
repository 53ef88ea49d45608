"""Audit: what is wrong with a model, before any hardware is built. A rule is one function in a file of ``rules`` that registers itself."""

from .audit import audit
from .report import ActivationRow, AuditReport, Finding, LayerRow
from .rule import RULES, rule
from .subject import Subject

__all__ = ["RULES", "ActivationRow", "AuditReport", "Finding", "LayerRow", "Subject", "audit", "rule"]
