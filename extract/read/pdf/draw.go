package pdf

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math"

	"seedbed/extract/read/readerr"
)

// An artist is an engine that can draw a page.
type artist interface {
	// draw draws page i from 0 at so many pixels a point, in grey or colours.
	draw(i int, scale float64, grey bool) (image.Image, error)
}

var errNoArtist = errors.New("this build cannot draw pages: it is built without WebAssembly")

// The most pixels of a drawn page: one may claim to be as large as a house.
const maxPixels = 24 << 20

// A drawing larger than this as PNG is a photograph and smaller as JPEG.
const maxPNG = 400 << 10

// Image draws a page, counted from 1, width pixels wide, as PNG or JPEG.
func Image(ctx context.Context, r io.ReaderAt, size int64, name string, page, width int, opts Options) ([]byte, error) {
	fail := func(err error) ([]byte, error) { return nil, fmt.Errorf("draw %s page %d: %w", name, page, err) }
	rt, done, err := opts.runtime(ctx)
	if err != nil {
		return fail(err)
	}
	defer done()
	e, err := rt.open(ctx, r, size, nil)
	if err != nil {
		return fail(corrupt(err))
	}
	defer e.close()
	a, ok := e.(artist)
	if !ok {
		return fail(errNoArtist)
	}
	if page < 1 || page > e.pages() {
		return fail(fmt.Errorf("%w: it has %s", readerr.ErrUnsupported, countPages(e.pages())))
	}
	s, err := e.page(page - 1)
	if err != nil {
		return fail(corrupt(err))
	}
	img, err := a.draw(page-1, float64(width)/math.Max(s.width, 1), false)
	if err != nil {
		return fail(corrupt(err))
	}
	var out bytes.Buffer
	if err := png.Encode(&out, plainer(img)); err != nil {
		return fail(err)
	}
	if out.Len() > maxPNG {
		var small bytes.Buffer
		if err := jpeg.Encode(&small, img, &jpeg.Options{Quality: 82}); err == nil && small.Len() < out.Len() {
			out = small
		}
	}
	return out.Bytes(), nil
}

// plainer is an image without colours in a third of the space, if it has none.
func plainer(img image.Image) image.Image {
	c, ok := img.(*image.NRGBA)
	if !ok {
		return img
	}
	grey := image.NewGray(c.Rect)
	for i := range grey.Pix {
		r, g, b := c.Pix[4*i], c.Pix[4*i+1], c.Pix[4*i+2]
		if r != g || g != b {
			return img
		}
		grey.Pix[i] = r
	}
	return grey
}

// canvas is how many pixels a page has at a scale, within bounds.
func canvas(width, height, scale float64) (int, int) {
	w, h := math.Max(width*scale, 1), math.Max(height*scale, 1)
	if too := w * h / maxPixels; too > 1 {
		w, h = w/math.Sqrt(too), h/math.Sqrt(too)
	}
	return int(min(max(w, 1), maxPixels)), int(min(max(h, 1), maxPixels))
}
