"""Findings and traffic for people: what is said of a finding, and a report as one HTML file."""
