package repo

import (
	"regexp"
	"strings"
)

// attributes hold what all .gitattributes files say of a few attributes.
type attributes struct {
	rules []attributeRule
}

type attributeRule struct {
	base  string // directory of its .gitattributes, "." at the root
	match *regexp.Regexp
	set   map[string]bool // attribute: true where it is set, false where it is not
}

// reasons are the attributes that keep a file from being read.
var reasons = map[string]string{
	"linguist-generated": "generated, as .gitattributes says",
	"linguist-vendored":  "vendored, as .gitattributes says",
	"export-ignore":      "export-ignore in .gitattributes",
}

// add takes the .gitattributes file of a directory.
func (a *attributes) add(dir, text string) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0][0] == '#' || fields[0][0] == '[' || len(fields[0]) > maxIgnoreRule || len(a.rules) >= maxIgnoreRules {
			continue
		}
		r := attributeRule{base: dir, set: map[string]bool{}}
		for _, f := range fields[1:] {
			name, value, _ := strings.Cut(f, "=")
			unset := strings.HasPrefix(name, "-") || strings.HasPrefix(name, "!") || value == "false"
			if name = strings.TrimLeft(name, "-!"); reasons[name] != "" {
				r.set[name] = !unset
			}
		}
		if len(r.set) == 0 {
			continue
		}
		if re := compile(strings.Trim(fields[0], `"`)); re != nil {
			r.match = re
			a.rules = append(a.rules, r)
		}
	}
}

// of is what is set and unset for a file; the last rule that matches counts.
// A directory that is not exported takes its files with it.
func (a *attributes) of(name string) map[string]bool {
	if len(a.rules) == 0 {
		return nil
	}
	set := map[string]bool{}
	for i := range len(name) {
		if name[i] == '/' && a.at(name[:i])["export-ignore"] {
			set["export-ignore"] = true
		}
	}
	for attr, on := range a.at(name) {
		set[attr] = on || attr == "export-ignore" && set[attr]
	}
	return set
}

func (a *attributes) at(name string) map[string]bool {
	set := map[string]bool{}
	for _, r := range a.rules {
		rel := name
		if r.base != "." {
			var ok bool
			if rel, ok = strings.CutPrefix(name, r.base+"/"); !ok {
				continue
			}
		}
		if r.match.MatchString(rel) {
			for attr, on := range r.set {
				set[attr] = on
			}
		}
	}
	return set
}
