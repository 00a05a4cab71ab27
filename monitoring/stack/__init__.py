"""The monitoring's servers on one machine, from the system's packages: for a laptop, for drills and for tests.

with stack.running(folder, targets={"app-web": ["127.0.0.1:9101"]}) as servers:
    servers.prometheus.query("up")
"""

from monitoring.stack.programs import ProgramsMissing, StackError
from monitoring.stack.servers import Servers, running
from monitoring.stack.targets import targets_of, write_targets

__all__ = ["ProgramsMissing", "Servers", "StackError", "running", "targets_of", "write_targets"]
