"""What runs a search, and the commands."""

import os

# What a user trains on is nobody else's business: Ray and MLflow report their usage unless told not to, MLflow already
# when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
