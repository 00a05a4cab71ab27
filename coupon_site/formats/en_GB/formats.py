"""Formats of the admin and of templates."""

DATETIME_FORMAT = "j M Y, H:i:s e"
SHORT_DATETIME_FORMAT = "j M Y, H:i e"
TIME_FORMAT = "H:i"
