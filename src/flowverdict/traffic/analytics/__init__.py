"""Traffic Analytics' tables, made offline of flow rows and an estate."""
