// Package view holds the pages: what each of them shows, and its template. It
// knows nothing of where things are stored.
//
// Everything that comes from a document, a file name or a model is hostile
// text. It passes through templ's escaping, or through [Prose], [Marked] and
// [Plain] of this package, which escape by themselves.
package view

//go:generate go tool templ generate

import (
	"time"
)

// A Page is what every page shows around its content.
type Page struct {
	Title   string
	Section string // of the navigation: library, seeds, runs, export, settings
	Now     time.Time
	Version string
	Bare    bool // for who has not logged in: no way to other pages
	Reload  bool // again in a few seconds, where there is no JavaScript
}

// An Option is one choice of a list.
type Option struct {
	Value string
	Label string
	About string
	On    bool
}

// A Link leads to another view of the same things.
type Link struct {
	Label string
	URL   string
	Count int
	On    bool // this is the view one is looking at
}

type section struct{ key, url, label string }

var sections = []section{
	{"library", "/", "Library"},
	{"seeds", "/seeds", "Seeds"},
	{"runs", "/runs", "Runs"},
	{"export", "/export", "Export"},
	{"settings", "/settings", "Settings"},
}
