"""The front end of programs: a typed subset of Python to its intermediate form."""
