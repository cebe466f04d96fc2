package pdf

import "seedbed/extract"

// A placement turns the coordinates of a page's content, which know no rotation
// and grow upwards, into those of the page as it is shown.
type placement struct {
	left, bottom, right, top float64
	quarters                 int // clockwise
	width, height            float64
}

func (pl placement) point(x, y float64) (float64, float64) {
	switch pl.quarters {
	case 1:
		return y - pl.bottom, x - pl.left
	case 2:
		return pl.right - x, y - pl.bottom
	case 3:
		return pl.top - y, pl.right - x
	}
	return x - pl.left, pl.top - y
}

func (pl placement) box(left, bottom, right, top float64) extract.Box {
	x0, y0 := pl.point(left, bottom)
	x1, y1 := pl.point(right, top)
	return extract.Box{X0: min(x0, x1), Y0: min(y0, y1), X1: max(x0, x1), Y1: max(y0, y1)}
}

// off reports whether a box lies outside the page: programs that print sheets
// of several pages cut the pages out of them and leave all the text in each.
func (pl placement) off(b extract.Box) bool {
	x, y := (b.X0+b.X1)/2, (b.Y0+b.Y1)/2
	return b != extract.Box{} && (x < -1 || y < -1 || x > pl.width+1 || y > pl.height+1)
}
