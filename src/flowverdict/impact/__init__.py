"""Policies against recorded flows."""
