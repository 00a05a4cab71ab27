"""Pages for people who have a link, and for tills."""

from vouchers.views.gifts import gift_page
from vouchers.views.scan import scan_page
from vouchers.views.vouchers import voucher_file, voucher_page

__all__ = ["gift_page", "scan_page", "voucher_file", "voucher_page"]
