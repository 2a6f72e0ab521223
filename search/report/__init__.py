"""The report of a search: one HTML page with its question, its ranking, its winner and what it cost."""
