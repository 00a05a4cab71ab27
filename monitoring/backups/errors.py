class BackupError(Exception):
    """A backup can't be made, read or put back; the message is one line that says why."""
