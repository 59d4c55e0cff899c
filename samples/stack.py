class Stack:
    """A last-in, first-out collection."""

    def __init__(self):
        self._items = []

    def __len__(self):
        return len(self._items)

    def push(self, item):
        """Add an item to the top of the stack."""
        <FILL>

    def pop(self):
        """Remove and return the item at the top of the stack."""
        if not self._items:
            raise IndexError("pop from an empty stack")
        return self._items.pop()
