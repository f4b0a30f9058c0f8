"""ARM templates into resources as exports have them, with marks for what is not known."""

from flowverdict.load.template.evaluate import function_names
from flowverdict.load.template.read import Templates

__all__ = ["Templates", "function_names"]
