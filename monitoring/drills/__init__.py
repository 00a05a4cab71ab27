"""Fault drills: a site is broken in one way after another, and what reaches people is compared with the rules."""

from monitoring.drills.drill import DRILLS, Drill
from monitoring.drills.rehearsal import Result, rehearse_all
from monitoring.drills.site import DrillError
from monitoring.drills.table import table

__all__ = ["DRILLS", "Drill", "DrillError", "Result", "rehearse_all", "table"]
