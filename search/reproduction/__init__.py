"""The paper's tables and figure, run again and set beside what was published."""
