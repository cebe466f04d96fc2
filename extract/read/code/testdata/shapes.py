"""Shapes and their areas.

A module to try the scanner on.
"""
import math
from typing import (
    Iterable,
)

TEXT = """
def not_a_function():
    class NotAClass: pass
"""


# A comment that belongs to the function.
def area(
    shape: "Shape",
    unit: dict = {"a": ")"},  # a bracket in a string
) -> float:
    r'''Return the area of a shape.

        Indented more.
    The unit is ignored.
    '''
    if shape is None: return 0.0

# a comment at the margin
    return shape.area()


@register
@other(
    "x"
)
class Shape:
    """Anything with an area."""

    sides = 0

    # how it is made
    def __init__(self, name):
        self.name = name

    @property
    def area(self): return 0

    async def draw(self,
                   canvas):
        "Draw it."
        def inner():
            pass
        await canvas.put(self)

    kind = "shape"

class Empty: pass

def one_line(x): return x + \
    1

for s in [1,
2]:
    print(s)

if __name__ == "__main__":
    def guarded():
        pass
    print(area(Shape("x")))
