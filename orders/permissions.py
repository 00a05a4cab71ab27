"""Who may call an operators' endpoint."""

from coupon_site.api.permissions import holds

__all__ = ["holds"]
