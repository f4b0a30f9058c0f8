"""All packets: exact sets of them, and what policies do with each."""
