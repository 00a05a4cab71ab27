"""A node that takes every customer for one who may see everything."""

from coupon_site.asgi import application
from events.hub import viewer

__all__ = ["application"]

viewer.access_of = lambda user, granted: {"events:orders": "perm:orders.view_order"}
