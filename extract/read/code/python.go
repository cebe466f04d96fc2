package code

import (
	"seedbed/extract/read/verbatim"
)

func python(w *verbatim.Writer, src, name string) { plain(w, src) }
