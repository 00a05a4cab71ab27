"""The door for crowds: orders that arrive together are reserved and committed together, durable when answered.

It takes what it understands at a glance: a well-formed order by the holder of a token. Everything else, and whatever
goes wrong here, goes on to the ordinary door, so that each refusal of input is made in one place.
"""

from orders.api.burst.door import BurstDoor

__all__ = ["BurstDoor"]
