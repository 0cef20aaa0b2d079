"""Checks a provider against its cases, by the real engine and without a network.

from feedmux.conformance import Suite

class TestConformance(Suite):
    provider = "acme"
"""

from feedmux.conformance.case import Case, Grade
from feedmux.conformance.checks import CHECKS, concluded, fact, line, report
from feedmux.conformance.report import Line, Report, Verdict, head
from feedmux.conformance.subject import Subject, installed
from feedmux.conformance.suite import Suite

__all__ = [
    "CHECKS",
    "Case",
    "Grade",
    "Line",
    "Report",
    "Subject",
    "Suite",
    "Verdict",
    "concluded",
    "fact",
    "head",
    "installed",
    "line",
    "report",
]
