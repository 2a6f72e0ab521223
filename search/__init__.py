"""What runs a search, and the commands."""
