"""Reads over all apps: the figures of the moment, the feed, the invariants."""
