def triangle_area(base, height):
    """The area of a triangle.

    >>> triangle_area(5, 3)
    7.5
    """
