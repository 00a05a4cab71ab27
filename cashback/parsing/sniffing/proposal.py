"""A file's whole dialect, worked out from the file itself; what can't be told for certain is said, not guessed."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from cashback.parsing.dialect import Dialect
from cashback.parsing.records import read_header, read_records
from cashback.parsing.sniffing.amounts import (
    could_be_thousands,
    has_negative,
    sniff_currency,
    sniff_decimal_mark,
    sniff_prefix,
)
from cashback.parsing.sniffing.columns import Columns, Template, sniff_columns, statuses_of
from cashback.parsing.sniffing.dates import Verdict, settle, sniff_date
from cashback.parsing.sniffing.encodings import NoText, refuse_other_things, sniff_encoding
from cashback.parsing.sniffing.tables import Table, sniff_table

HEAD_BYTES = 1 << 18
EXAMPLES = 3
DEFAULTS: dict[str, Any] = {
    "columns": {},
    "delimiter": ",",
    "quote": '"',
    "decimal_mark": ".",
    "date_format": "",
    "timezone": "UTC",
    "encoding": "utf-8-sig",
    "currency": "",
    "signs": "negative",
    "cancellation_prefix": "",
    "statuses": {},
    "replaces": False,
    "creates_buyers": False,
}
OF_THE_NETWORK = ("timezone", "currency", "creates_buyers")  # hold for all of its files
DOUBTFUL = ("ambiguous_date", "inferred_date")
ALWAYS = ("external_id", "occurred_at", "buyer")

Chunks = Callable[[], Iterable[bytes]]


@dataclass(frozen=True)
class Finding:
    """Something to be told (`code`, what it is about, and in words); a question also has the answers to choose from."""

    code: str
    about: str
    detail: str
    options: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "about": self.about, "detail": self.detail, "options": list(self.options)}


@dataclass
class Proposal:
    """How a file could be read. Until its questions are answered, it must not be."""

    mapping: dict[str, Any]
    header: list[str] = field(default_factory=list)
    examples: dict[str, list[str]] = field(default_factory=dict)
    confidence: float = 0.0
    questions: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    template: Template | None = None

    def ask(self, code: str, about: str, detail: str, options: Iterable[str] = ()) -> None:
        self.questions.append(Finding(code, about, detail, tuple(options)))

    def warn(self, code: str, about: str, detail: str) -> None:
        self.warnings.append(Finding(code, about, detail))


def sniff(chunks: Chunks, *, templates: Sequence[Template] = (), is_one_network: bool = False) -> Proposal:
    """Propose a mapping. `chunks` gives the file from its start each time; `templates` are mappings of the network, or
    of all networks. Raises NoText.
    """
    head = first_bytes(chunks())
    refuse_other_things(head)
    encoding, is_whole = sniff_encoding(head, chunks())
    habits = {name: templates[-1][name] for name in OF_THE_NETWORK} if templates and is_one_network else {}
    proposal = Proposal({**DEFAULTS, **habits, "encoding": encoding})
    if not is_whole:
        proposal.warn(
            "broken_characters", "encoding", "Some characters are no UTF-8; lines that need them are rejected."
        )
    text = head.decode(encoding, errors="ignore").removeprefix("\ufeff")
    table = sniff_table(text, known=[frozenset(each["columns"].values()) for each in templates])
    if table is None:
        raise NoText("no delimiter splits its first lines into columns")
    Sniffer(proposal, table, chunks, templates).fill()
    return proposal


def first_bytes(chunks: Iterable[bytes]) -> bytes:
    head = b""
    for chunk in chunks:
        head += chunk[:HEAD_BYTES]
        if len(head) >= HEAD_BYTES:
            break
    return head[:HEAD_BYTES]


class Sniffer:
    """Fills a proposal field by field."""

    def __init__(self, proposal: Proposal, table: Table, chunks: Chunks, templates: Sequence[Template]) -> None:
        self.proposal, self.table, self.chunks = proposal, table, chunks
        nearest = sorted(templates, key=lambda each: (-len(each["columns"]), each["delimiter"] != table.delimiter))
        self.found: Columns = sniff_columns(table.header, table.rows, nearest)
        self.mapping = proposal.mapping

    def fill(self) -> None:
        self.proposal.template = self.found.template
        if self.found.template:
            known = {name: value for name, value in self.found.template.items() if name in DEFAULTS}
            self.mapping |= {**known, "encoding": self.mapping["encoding"]}
        self.mapping |= {"columns": self.found.columns, "delimiter": self.table.delimiter, "quote": self.table.quote}
        self.proposal.header = self.table.header
        self.proposal.examples = {name: self.examples(at) for at, name in enumerate(self.table.header)}
        self.ask_for_columns()
        for step in (self.numbers, self.dates, self.signs, self.currency, self.statuses):
            step()
        self.proposal.confidence = round(self.confidence(), 2)

    def examples(self, at: int) -> list[str]:
        return [cell[:60] for cell in islice(dict.fromkeys(row[at] for row in self.table.rows if row[at]), EXAMPLES)]

    def values(self, *fields: str) -> list[str]:
        """What stands in the columns of fields, line by line."""
        places = [self.table.header.index(self.mapping["columns"][name]) for name in fields if self.has(name)]
        return [row[place] for row in self.table.rows for place in places]

    def has(self, name: str) -> bool:
        return name in self.mapping["columns"]

    def ask_for_columns(self) -> None:
        for name in ALWAYS:
            if not self.has(name):
                self.proposal.ask("no_column", f"columns.{name}", f"Which column is {name}?", self.table.header)
        if not self.has("amount") and not (self.has("quantity") and self.has("unit_price")):
            self.proposal.ask(
                "no_column", "columns.amount", "Which column says what a line is worth?", self.table.header
            )

    def numbers(self) -> None:
        """Prices tell the mark; where they can't, the profile does, or nobody."""
        values = self.values("unit_price", "amount")
        if mark := sniff_decimal_mark(values) or sniff_decimal_mark(self.values("quantity", "buyer")):
            self.mapping["decimal_mark"] = mark
        elif could_be_thousands(values) and not self.found.template:
            self.proposal.ask("ambiguous_number", "decimal_mark", "Is 1.234 one or a thousand?", ".,")

    def dates(self) -> None:
        values = self.moments()
        form = sniff_date(values)
        if form is None:
            if values:
                self.proposal.ask("no_date", "date_format", f"In which form is {values[0]!r} written?")
            return
        self.mapping["date_format"] = form.form
        if form.rival:
            self.settle(form.form, form.rival)
        if form.share < 1:
            self.proposal.warn("mixed_dates", "date_format", f"{1 - form.share:.0%} of its dates have another form.")

    def moments(self) -> list[str]:
        days = self.values("occurred_at")
        return (
            [f"{day} {time}" for day, time in zip(days, self.values("time"), strict=True)] if self.has("time") else days
        )

    def settle(self, form: str, rival: str) -> None:
        """Day or month first: by the first date of all that can be only one of them, or by what is likely."""
        verdict, template = settle(self.all_moments(), form, rival), self.found.template
        if verdict in (Verdict.FIRST, Verdict.SECOND):
            self.mapping["date_format"] = form if verdict == Verdict.FIRST else rival
        elif template and template["date_format"] in (form, rival):
            self.mapping["date_format"] = template["date_format"]
            self.proposal.warn("ambiguous_date", "date_format", "Day or month first? As the network's profile says.")
        elif verdict == Verdict.UNKNOWN:
            self.mapping["date_format"] = ""
            detail = "No date tells whether the day or the month comes first."
            self.proposal.ask("ambiguous_date", "date_format", detail, (form, rival))
        else:
            self.mapping["date_format"] = form if verdict == Verdict.LIKELY_FIRST else rival
            detail = "No date tells whether the day or the month comes first; read so, its days lie close together."
            self.proposal.warn("inferred_date", "date_format", detail)

    def all_moments(self) -> Iterator[str]:
        dialect = dialect_from({**self.mapping, "date_format": "%Y"})
        header, start = read_header(self.chunks(), dialect)
        places = [header.index(self.mapping["columns"][name]) for name in ("occurred_at", "time") if self.has(name)]
        for record in read_records(self.chunks(), dialect):
            if record.cells and record.end > start and len(record.cells) == len(header):
                yield " ".join(record.cells[place].strip() for place in places)

    def signs(self) -> None:
        """A known profile's convention holds unless the file shows another."""
        worths = self.values("amount") if self.has("amount") else self.values("quantity")
        if not self.has("external_id") or self.mapping["replaces"]:
            return
        mark = self.mapping["decimal_mark"]
        prefix = sniff_prefix(self.values("external_id"), worths, mark) if worths else None
        if prefix:
            self.mapping |= {"signs": "prefix", "cancellation_prefix": prefix}
        elif not self.found.template and worths and not has_negative(worths, mark):
            self.proposal.warn(
                "no_cancellation", "signs", "No line is cancelled: negative ones would be cancellations."
            )

    def currency(self) -> None:
        if self.has("currency"):
            self.mapping["currency"] = self.mapping["currency"] or next(iter(self.values("currency")), "")[:3].upper()
        elif found := sniff_currency(self.values("unit_price", "amount")):
            self.mapping["currency"] = found
        elif not self.mapping["currency"]:
            self.proposal.ask("no_currency", "currency", "In which currency are its amounts?")

    def statuses(self) -> None:
        if not self.has("status"):
            return
        known, unknown = statuses_of(self.values("status"), self.mapping["statuses"])
        self.mapping |= {"statuses": known, "replaces": True, "signs": "negative", "cancellation_prefix": ""}
        if unknown:  # where the network's words are known, its lines with others are rejected like other bad ones
            tell = self.proposal.warn if self.found.template else self.proposal.ask
            tell("unknown_status", "statuses", f"What does {', '.join(unknown)} mean?")

    def confidence(self) -> float:
        """How sure the columns are, and how many of the first lines have the header's width."""
        below = len(self.table.records) - self.table.header_at - 1
        steady = len(self.table.rows) / below if below else 0.5
        doubts = len(self.proposal.questions) + sum(each.code in DOUBTFUL for each in self.proposal.warnings)
        return self.found.confidence * min(steady + 0.02, 1) * 0.7**doubts


def dialect_from(mapping: Template) -> Dialect:
    """A mapping as the parser takes it."""
    return Dialect(
        columns=mapping["columns"],
        delimiter=mapping["delimiter"],
        quote=mapping["quote"],
        decimal_mark=mapping["decimal_mark"],
        date_format=mapping["date_format"],
        zone=ZoneInfo(mapping["timezone"]),
        encoding=mapping["encoding"],
        currency=mapping["currency"],
        cancellation_prefix=mapping["cancellation_prefix"] if mapping["signs"] == "prefix" else "",
        statuses=mapping["statuses"],
        replaces=mapping["replaces"],
    )
