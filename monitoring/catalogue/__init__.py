"""What the monitoring consists of, as data; `manage.py monitoring generate` writes its files."""
