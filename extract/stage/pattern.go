package stage

import (
	"regexp"
	"sync"
)

// A pattern is a regular expression that is compiled when it is first used:
// all of them take longer than the rest of the program takes to start, and
// most commands use none.
type pattern func() *regexp.Regexp

func lazily(expr string) pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

func (p pattern) MatchString(s string) bool { return p().MatchString(s) }

func (p pattern) FindString(s string) string { return p().FindString(s) }

func (p pattern) FindStringSubmatch(s string) []string { return p().FindStringSubmatch(s) }

func (p pattern) ReplaceAllString(s, by string) string { return p().ReplaceAllString(s, by) }

func (p pattern) FindStringSubmatchIndex(s string) []int { return p().FindStringSubmatchIndex(s) }

func (p pattern) FindStringIndex(s string) []int { return p().FindStringIndex(s) }
