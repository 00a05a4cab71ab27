"""The verbs of `manage.py flags`, by name."""

from flags.management.verbs.moving import Export, Import
from flags.management.verbs.reading import Doctor, History, List, StaleFlags
from flags.management.verbs.tending import Reconcile, Scan, Sync
from flags.management.verbs.turning import Off, On, Revert

VERBS = {
    "list": List,
    "on": On,
    "off": Off,
    "history": History,
    "revert": Revert,
    "sync": Sync,
    "export": Export,
    "import": Import,
    "scan": Scan,
    "stale": StaleFlags,
    "reconcile": Reconcile,
    "doctor": Doctor,
}
