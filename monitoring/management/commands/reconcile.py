"""Ask the database whether everything that must hold does."""

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from monitoring.queries.invariants import Finding, reconcile


class Command(BaseCommand):
    help = "Count the rows that break an invariant. Exit status 1 when there are any."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON document instead of lines")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = []
        for finding in reconcile():
            findings.append(finding)
            if not options["json"]:
                self.stdout.write(self.line(finding))
        broken = [finding for finding in findings if not finding.holds]
        self.stdout.write(document(findings) if options["json"] else sentence(findings, broken))
        if broken:
            sys.exit(1)

    def line(self, finding: Finding) -> str:
        if finding.holds:
            return f"{self.style.SUCCESS('ok    ')} {finding.app}: {finding.invariant}"
        return f"{self.style.ERROR('BROKEN')} {finding.app}: {finding.invariant}, {finding.broken_rows} rows"


def sentence(findings: list[Finding], broken: list[Finding]) -> str:
    if not broken:
        return f"All {len(findings)} invariants hold."
    rows = sum(finding.broken_rows for finding in broken)
    return f"{len(broken)} of {len(findings)} invariants are broken: {rows} rows."


def document(findings: list[Finding]) -> str:
    rows = [{"app": each.app, "invariant": each.invariant, "broken_rows": each.broken_rows} for each in findings]
    return json.dumps({"ok": all(finding.holds for finding in findings), "invariants": rows}, indent=2)
