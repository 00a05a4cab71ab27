"""Vouchers: what a buyer gets for the money, and what a till does with it."""
