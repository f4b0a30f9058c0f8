"""The plan written down as Azure and its tools would answer."""
