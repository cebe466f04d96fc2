package pdf_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"seedbed/extract/read/pdf"
)

func ExampleRead() {
	f, err := os.Open("../../../examples/paper.pdf")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		fmt.Println(err)
		return
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	d, err := pdf.Read(context.Background(), f, info.Size(), "paper.pdf", pdf.Options{CacheDir: filepath.Join(cache, "seedbed-test")})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range d.Sections() {
		fmt.Println(strings.Join(s.Path, " › "))
	}
	// Output:
	// Reviewing on a Doubling Clock: A Small Model of Forgetting
	// Reviewing on a Doubling Clock: A Small Model of Forgetting › Abstract
	// Reviewing on a Doubling Clock: A Small Model of Forgetting › 1 Introduction
	// Reviewing on a Doubling Clock: A Small Model of Forgetting › 2 The model
	// Reviewing on a Doubling Clock: A Small Model of Forgetting › 3 How many reviews are enough?
	// Reviewing on a Doubling Clock: A Small Model of Forgetting › 4 Choosing the target
	// Reviewing on a Doubling Clock: A Small Model of Forgetting › 5 Simulation
	// Reviewing on a Doubling Clock: A Small Model of Forgetting › 6 Related work
	// Reviewing on a Doubling Clock: A Small Model of Forgetting › 7 Conclusion
	// Reviewing on a Doubling Clock: A Small Model of Forgetting › References
}
