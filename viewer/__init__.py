"""The page: plain ES modules and one style sheet, read as package data."""
