"""Merchants, offers, sales, stock and orders: what may be bought, and who has bought it."""
