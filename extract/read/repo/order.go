package repo

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"seedbed/extract/read/code"
)

// order brings the files into the order to read them in: the README, the
// documents, then the source by directory, a package after those it imports
// where Go, Python or JavaScript says so. Within a directory the same goes for
// files.
func order(parts []part) {
	slices.SortStableFunc(parts, func(a, b part) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), strings.Compare(path.Dir(a.name), path.Dir(b.name)),
			cmp.Compare(a.place(), b.place()), strings.Compare(a.name, b.name))
	})
	first := slices.IndexFunc(parts, func(p part) bool { return p.rank() == 2 })
	if first < 0 {
		return
	}
	source := parts[first:]
	imports := imported(source)
	var dirs, files []string
	byDir, byFile := map[string][]string{}, map[string][]string{}
	for _, p := range source {
		dir := path.Dir(p.name)
		dirs, files = append(dirs, dir), append(files, p.name)
		for _, f := range imports[p.name] {
			if d := path.Dir(f); d == dir {
				byFile[p.name] = append(byFile[p.name], f)
			} else if !code.IsTest(p.name) { // a test may import what imports it
				byDir[dir] = append(byDir[dir], d)
			}
		}
	}
	dirPlace, filePlace := afterImports(dirs, byDir), afterImports(files, byFile)
	slices.SortStableFunc(source, func(a, b part) int {
		return cmp.Or(cmp.Compare(dirPlace[path.Dir(a.name)], dirPlace[path.Dir(b.name)]), cmp.Compare(a.place(), b.place()),
			cmp.Compare(filePlace[a.name], filePlace[b.name]))
	})
}

// afterImports numbers names so that each comes after those it imports, and
// otherwise as they are given. A cycle is entered at its first name.
func afterImports(names []string, imports map[string][]string) map[string]int {
	place := map[string]int{}
	type step struct {
		name string
		next int // of its imports
	}
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			continue
		}
		seen[n] = true
		for stack := []step{{name: n}}; len(stack) > 0; {
			top := &stack[len(stack)-1]
			if list := imports[top.name]; top.next < len(list) {
				top.next++
				if d := list[top.next-1]; !seen[d] {
					seen[d] = true
					stack = append(stack, step{name: d})
				}
				continue
			}
			place[top.name] = len(place)
			stack = stack[:len(stack)-1]
		}
	}
	return place
}

var goModule = regexp.MustCompile(`(?m)^module\s+"?([^\s"]+)`)

// imported lists by file the files of the repository that it imports; of a
// package of Go its first file.
func imported(parts []part) map[string][]string {
	there := map[string]bool{}
	packages := map[string]string{} // Go: by directory its first file
	modules := map[string]string{}  // Go: module path by directory of its go.mod
	for _, p := range parts {
		there[p.name] = true
		if dir := path.Dir(p.name); p.lang == "Go" && packages[dir] == "" {
			packages[dir] = p.name
		}
		if path.Base(p.name) == "go.mod" {
			if m := goModule.FindStringSubmatch(p.doc.Text); m != nil {
				modules[path.Dir(p.name)] = m[1]
			}
		}
	}
	out := map[string][]string{}
	for _, p := range parts {
		for _, i := range code.Imports(p.doc.Text, Lang(p.lang)) {
			var found string
			switch p.lang {
			case "Go":
				for dir, module := range modules {
					if rest, ok := strings.CutPrefix(i, module); ok && (rest == "" || rest[0] == '/') {
						found = packages[path.Join(dir, rest)]
					}
				}
			case "Python":
				found = pythonModule(there, p.name, i)
			default:
				found = scriptModule(there, p.name, i)
			}
			if found != "" && found != p.name {
				out[p.name] = append(out[p.name], found)
			}
		}
	}
	return out
}

// pythonModule is the file of a module that a file imports, "" if it is none
// of the repository's.
func pythonModule(there map[string]bool, file, module string) string {
	name := strings.TrimLeft(module, ".")
	dir := path.Dir(file)
	roots := []string{"", "src", "lib", dir}
	if dots := len(module) - len(name); dots > 0 {
		for range dots - 1 {
			dir = path.Dir(dir)
		}
		roots = []string{dir}
	}
	for _, root := range roots {
		base := path.Join(root, strings.ReplaceAll(name, ".", "/"))
		for _, f := range []string{base + ".py", path.Join(base, "__init__.py")} {
			if there[f] {
				return f
			}
		}
	}
	return ""
}

// scriptModule is the file of a module that a script imports by its path.
func scriptModule(there map[string]bool, file, module string) string {
	if !strings.HasPrefix(module, ".") {
		return ""
	}
	base := path.Join(path.Dir(file), module)
	bare := strings.TrimSuffix(base, ".js") // TypeScript imports what it will be compiled to
	for _, f := range []string{base, bare + ".ts", bare + ".tsx", base + ".js", base + ".jsx", base + ".mjs", base + ".cjs", base + "/index.js", base + "/index.ts"} {
		if there[f] {
			return f
		}
	}
	return ""
}
