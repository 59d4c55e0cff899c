"""The Jinja template that frames the report, read as package data."""
