// Command calc evaluates the expression given as its argument.
package main

import (
	"fmt"
	"os"
	"strings"

	"example.org/stack"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, `usage: calc "(1 + 2) * 3"`)
		os.Exit(2)
	}
	expr := strings.Join(os.Args[1:], " ")
	if err := stack.Balanced(expr); err != nil {
		fmt.Fprintln(os.Stderr, "calc:", err)
		os.Exit(1)
	}
	v, err := stack.Eval(expr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "calc:", err)
		os.Exit(1)
	}
	fmt.Println(v)
}
