"""A bank's Azure network made on the spot, and the stories that happen in it."""
