//go:build nowasm

package pdf

import (
	"context"
	"io"
)

// onlyEngine says that there is no second opinion in this build.
const onlyEngine = true

// A runtime without WebAssembly has nothing to compile: our own interpreter is
// the first engine, and there is no second.
type runtime struct{}

func newRuntime(context.Context, string) (*runtime, error) { return &runtime{}, nil }

func (*runtime) close() {}

func (*runtime) open(ctx context.Context, r io.ReaderAt, size int64, _ func(page int) ligatures) (engine, error) {
	return openObjects(ctx, r, size)
}
