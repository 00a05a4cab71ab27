"""What operations does to the monitoring: one module a verb of `manage.py monitoring`.

Each has `HELP`, `add_arguments(parser)` and `run(*, stdout, **options)`, which answers the closing sentence or raises
CommandError.
"""
