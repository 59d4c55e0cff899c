"""The built-in model: this folder is package data, loaded by path."""
