def merge(first, second):
    """Merge two dictionaries; values of the second one win."""
    result = {}
    for key, value in first.items():
        result[key] = value
    for