"""What runs a search, and the commands."""

import gc
import os

# What a user trains on is nobody else's business: Ray and MLflow report their usage unless told not to, MLflow already
# when it is imported.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

# Torch, Ray and MLflow make a million objects when they are imported, and none of them is garbage: a tenth of the time
# that a command and each trial's process take to start goes into looking for it at Python's default threshold.
gc.set_threshold(10_000, 10, 10)
