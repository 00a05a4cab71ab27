"""Why a line is rejected."""

from enum import StrEnum


class Reason(StrEnum):
    """Codes, for people explained by the label."""

    label: str

    def __new__(cls, code: str, label: str) -> "Reason":
        member = str.__new__(cls, code)
        member._value_ = code
        member.label = label
        return member

    UNREADABLE = "unreadable", "The line can't be split into cells: an open quote, or no end"
    WRONG_COLUMNS = "wrong_columns", "More or fewer cells than the header"
    REPEATED_HEADER = "repeated_header", "The header again"
    BAD_ENCODING = "bad_encoding", "Characters that can't be read"
    MISSING_INVOICE = "missing_invoice", "No number of the purchase"
    MISSING_CUSTOMER = "missing_customer", "No customer"
    MISSING_PRICE = "missing_price", "No price, or zero"
    BAD_PRICE = "bad_price", "The price is no number, or negative"
    MISSING_AMOUNT = "missing_amount", "No amount, or zero"
    BAD_AMOUNT = "bad_amount", "The amount is no number, or has the wrong sign"
    BAD_QUANTITY = "bad_quantity", "The quantity is not whole, zero, or has the wrong sign"
    BAD_CURRENCY = "bad_currency", "No ISO 4217 currency"
    MIXED_CURRENCY = "mixed_currency", "Another currency than the rest of its purchase"
    BAD_STATUS = "bad_status", "A state that the profile does not know"
    BAD_DATE = "bad_date", "No date of the profile's form, or one that can't be believed"
    TOO_LONG = "too_long", "A text longer than its field"
    TOO_LARGE = "too_large", "A sum that is too large"
