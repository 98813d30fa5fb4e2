"""Numbered SQL files, applied once each in order; `PRAGMA user_version` holds the number of the last one."""
