"""The bank as frozen values: who owns what, where it lies, which rules stand before it."""
