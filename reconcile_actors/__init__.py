"""Portfolio reconciliation for crypto trading: find, explain and prove what a bot believes wrongly."""

__version__ = "0.1.0"
