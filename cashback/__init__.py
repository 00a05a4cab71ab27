"""Cashback: what a purchase gives back, the wallet it lands in, and the reports of networks it comes from."""
