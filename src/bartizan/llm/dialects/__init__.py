"""The chat APIs, one file a dialect."""
