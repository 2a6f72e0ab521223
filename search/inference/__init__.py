"""A registered model in use: its networks, its uncertainty, and the range of compositions it knows."""
