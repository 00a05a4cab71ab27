"""A node whose requests end where the server cancels them."""

from coupon_site import to_the_end

to_the_end.ToTheEnd = lambda application: application

from coupon_site.asgi import application  # noqa: E402  made without it

__all__ = ["application"]
