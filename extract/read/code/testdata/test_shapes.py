import shapes

def helper():
    return 1

def test_area():
    assert shapes.area(None) == 0

class TestShape:
    def test_name(self):
        assert shapes.Shape("x").name == "x"
