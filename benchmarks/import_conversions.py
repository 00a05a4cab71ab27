"""Conversions out of a network's file, beside django-import-export: `python -m benchmarks.import_conversions`.

Ours does the whole job: sums up invoices, finds buyers, matches cancellations, books cashback. The others write each
line into a table and nothing more: once as its documentation begins, once with its bulk mode.
"""

import os
import random
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks.runner import Measure, Result, measure, plot, say, table, timed

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
LINES_OF_AN_INVOICE = 20  # as in the file of a real shop
LARGEST_FOR_PEERS = 100_000  # they hold the whole file in memory
OURS, DOCUMENTED, BULK = "ours", "django-import-export", "django-import-export, bulk"


def make_file(path: Path, lines: int) -> None:
    """A shop's invoices, a fiftieth of them cancellations."""
    chance = random.Random(lines)  # noqa: S311  made-up sales
    with path.open("w") as file:
        file.write(f"{HEADER}\n")
        for number in range(lines):
            invoice = 500_000 + number // LINES_OF_AN_INVOICE
            sign = -1 if invoice % 50 == 0 else 1
            at = f"2010-12-{1 + invoice // 1440 % 28:02d} {invoice // 60 % 24:02d}:{invoice % 60:02d}:00"
            item, quantity, price = chance.randrange(4000), chance.choice((1, 2, 6, 12)), chance.choice((255, 85, 795))
            customer = 12_000 + invoice * 7919 % 4_000
            file.write(
                f"{'C' if sign < 0 else ''}{invoice},{20_000 + item},METAL LANTERN,{sign * quantity},{at},"
                f"{price / 100},{customer}.0,United Kingdom\n"
            )


def import_ours(path: Path) -> None:
    from django.core.management import call_command

    call_command("import_conversions", str(path))


def import_documented(path: Path) -> None:
    import_by_resource(path, use_bulk=False)


def import_in_bulk(path: Path) -> None:
    import_by_resource(path, use_bulk=True)


def import_by_resource(path: Path, *, use_bulk: bool) -> None:
    """A resource over a plain table of lines."""
    import tablib
    from django.db import connection, models
    from import_export.resources import ModelResource

    class Line(models.Model):
        InvoiceNo = models.CharField(max_length=64)
        StockCode = models.CharField(max_length=64)
        Description = models.CharField(max_length=200)
        Quantity = models.IntegerField()
        InvoiceDate = models.DateTimeField()
        UnitPrice = models.DecimalField(max_digits=12, decimal_places=2)
        CustomerID = models.CharField(max_length=64)
        Country = models.CharField(max_length=64)

        class Meta:
            app_label = "benchmarks"

    class LineResource(ModelResource):
        class Meta:
            model = Line
            import_id_fields: Sequence[str] = ()

    LineResource._meta.use_bulk = use_bulk
    with connection.schema_editor() as editor:
        editor.create_model(Line)
    try:
        with path.open() as file:
            dataset = tablib.Dataset().load(file.read(), format="csv")
        result = LineResource().import_data(dataset, raise_errors=True)
        if result.totals["new"] != len(dataset):
            raise RuntimeError(f"{result.totals} of {len(dataset)} lines")
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Line)


CONTENDERS: dict[str, Callable[[Path], None]] = {
    DOCUMENTED: import_documented,
    BULK: import_in_bulk,
    OURS: import_ours,
}


def work(contender: str, path: Path) -> None:
    """What a measured process does."""
    import django

    django.setup()
    with timed():
        CONTENDERS[contender](path)


def compete(sizes: Sequence[int], rounds: int, folder: Path) -> list[Result]:
    """Each contender and size in a process of its own over one database, emptied in between."""
    from coupon_site.servers import EmbeddedServers

    servers, results = EmbeddedServers(folder / "servers"), []
    env = {
        "DJANGO_SETTINGS_MODULE": "coupon_site.settings",
        "DATABASE_URL": servers.database_url,
        "REDIS_URL": servers.redis_url,
        "VAR_DIR": str(folder),
        "LOCAL": "1",
    }
    with servers.running():
        for size in sizes:
            path = folder / f"{size}.csv"
            make_file(path, size)
            names = [name for name in CONTENDERS if name == OURS or size <= LARGEST_FOR_PEERS]
            measured = {name: [once(name, path, env) for _ in range(rounds)] for name in names}
            results += compared(size, measured)
    return results


def once(contender: str, path: Path, env: dict[str, str]) -> Measure:
    measure([sys.executable, "manage.py", "migrate", "--verbosity=0"], env)
    measure([sys.executable, "manage.py", "flush", "--no-input", "--verbosity=0"], env)
    measure([sys.executable, "-m", "benchmarks.import_conversions", "--prepare"], env)
    if contender != OURS:
        env = {**env, "DJANGO_SETTINGS_MODULE": "benchmarks.settings"}
    done = measure([sys.executable, "-m", "benchmarks.import_conversions", "--work", contender, str(path)], env)
    say(f"{path.name}: {contender} {done.seconds:.1f} s")
    return done


def prepare() -> None:
    """The network whose file it is, which emptying the database has removed."""
    import django

    django.setup()
    from cashback.models import MappingProfile, Network

    network = Network.objects.create(slug="online-retail", name="Online Retail", cashback_basis_points=500)
    columns = {
        "external_id": "InvoiceNo", "item": "StockCode", "quantity": "Quantity", "occurred_at": "InvoiceDate",
        "unit_price": "UnitPrice", "buyer": "CustomerID",
    }  # fmt: skip
    MappingProfile.objects.create(network=network, name="Lines", columns=columns, currency="GBP", creates_buyers=True)


def compared(size: int, measured: dict[str, list[Measure]]) -> list[Result]:
    """Medians, and ratios to the first contender of this size."""
    seconds = {name: median(each.seconds for each in rounds) for name, rounds in measured.items()}
    first = next(iter(seconds.values()))
    return [
        Result(
            f"{size:,} lines",
            name,
            size / seconds[name],
            median(each.cpu_seconds for each in rounds),
            max(each.peak_mb for each in rounds),
            first / seconds[name],
        )
        for name, rounds in measured.items()
    ]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--plot", type=Path, default=Path("var/import_conversions.svg"))
    parser.add_argument("--prepare", action="store_true", help="only make what the others need")
    parser.add_argument("--work", nargs=2, metavar=("CONTENDER", "FILE"), help="only do what is measured")
    options = parser.parse_args()
    if options.prepare:
        prepare()
    elif options.work:
        work(options.work[0], Path(options.work[1]))
    else:
        with TemporaryDirectory() as folder:
            Path(folder).chmod(0o755)  # as root, the servers run as somebody else
            os.environ.setdefault("VAR_DIR", folder)
            results = compete(options.lines, options.rounds, Path(folder))
        say(table(results))
        options.plot.parent.mkdir(exist_ok=True)
        plot(results, options.plot, title="Lines a second, beside django-import-export as documented")


if __name__ == "__main__":
    main()
