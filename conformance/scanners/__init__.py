"""Scanners that can be asked, each in a module of its own.

A scanner reads the cases in one or several forms, and answers `exposed`, `closed` or `unknown` for
each; `no check` where it has no check for what is asked, and `no answer` where it has one that
said nothing. Which check answers which question stands in its module, with the page that says so.
"""
