"""Backups: a folder with one folder for each part and a manifest of every file; whole under its name, or not there."""
