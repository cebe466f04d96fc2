package repo

import (
	"bytes"
	"path"
	"regexp"
	"strings"

	"seedbed/extract/read/charset"
	"seedbed/extract/read/language"
	"seedbed/extract/read/pretext"
)

// prunable are directories that nobody wrote for readers.
var prunable = map[string]string{
	".git": "version control data", ".hg": "version control data", ".svn": "version control data",
	"node_modules": "vendored", "bower_components": "vendored", "Pods": "vendored",
	"__pycache__": "generated", ".venv": "vendored", "venv": "vendored", ".tox": "vendored",
	"__MACOSX": "system files", ".idea": "editor settings", ".vscode": "editor settings",
}

// pruned is the outermost directory of name that is prunable, with a slash,
// "" without one.
func pruned(name string) string {
	for i := range len(name) {
		if name[i] != '/' {
			continue
		}
		if _, ok := prunable[path.Base(name[:i])]; ok {
			return name[:i+1]
		}
	}
	return ""
}

var (
	archives  = regexp.MustCompile(`(?i)\.(zip|tar|tgz|gz|bz2|xz|zst|7z|rar|jar|war|whl|apk)$`)
	documents = regexp.MustCompile(`(?i)\.(pdf|epub|docx?|odt|pptx?|xlsx?)$`)
	binaries  = regexp.MustCompile(`(?i)\.(png|jpe?g|gif|webp|ico|bmp|tiff?|svg|psd|mp[34]|wav|ogg|webm|mov|ttf|otf|woff2?|eot|exe|dll|so|dylib|a|o|class|pyc|wasm|db|sqlite3?|parquet|npy|npz|pt|bin|dat)$`)
	locks     = regexp.MustCompile(`(?i)(^|/)(go\.sum|go\.work\.sum|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|cargo\.lock|poetry\.lock|uv\.lock|pipfile\.lock|composer\.lock|gemfile\.lock|flake\.lock|[^/]+\.lock)$`)
	minified  = regexp.MustCompile(`(?i)[.-]min\.(js|css|mjs)$|\.map$`)
	system    = regexp.MustCompile(`(^|/)(\.DS_Store|Thumbs\.db|desktop\.ini|\.gitmodules|\.gitkeep|\.keep)$`)
)

// byName says why a file of this name need not be opened, "" if it has to be.
func byName(name string) string {
	switch {
	case archives.MatchString(name):
		return "archive inside an archive: upload it by itself"
	case documents.MatchString(name):
		return "a document of its own: upload it by itself"
	case binaries.MatchString(name):
		return "no text"
	case locks.MatchString(name):
		return "lock file"
	case minified.MatchString(name):
		return "minified"
	case system.MatchString(name):
		return "system files"
	}
	return ""
}

// manifests are data by their language, but say what a repository is.
var manifests = regexp.MustCompile(`^(go\.mod|Cargo\.toml|pyproject\.toml|package\.json)$`)

// byContent says why a file that was opened is left out, "" if it is kept.
// lang is its language as linguist names it, attrs what .gitattributes says of it.
func byContent(name, lang string, data []byte, attrs map[string]bool) string {
	for _, attr := range []string{"export-ignore", "linguist-generated", "linguist-vendored"} {
		if attrs[attr] {
			return reasons[attr]
		}
	}
	written, asked := attrs["linguist-generated"] // it is not generated, whatever it looks like
	written = asked && !written
	base := path.Base(name)
	head := data[:min(len(data), 64<<10)]
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return "empty"
	case bytes.HasPrefix(data, []byte("version https://git-lfs.github.com/spec/")):
		return "kept in Git LFS: only its pointer is here"
	case !charset.IsText(head):
		return "no text"
	case !written && language.Generated(name, head):
		return "generated or minified"
	case !written && longLines(data) && language.KindOf(lang) == language.Programming:
		return "minified"
	case manifests.MatchString(base), lang == "SQL", pretext.Is(head, strings.ToLower(path.Ext(base))):
		return ""
	case language.KindOf(lang) == language.Data:
		return "data: " + lang
	case strings.HasPrefix(base, ".") && language.KindOf(lang) != language.Programming:
		return "settings"
	}
	return ""
}

// longLines reports whether lines are longer than anybody writes them.
func longLines(data []byte) bool {
	return len(data) > 5000 && len(data)/(bytes.Count(data, []byte("\n"))+1) > 500
}

// vendored is the outermost directory of name with foreign code, or name
// itself, "" if it is the repository's own.
func vendored(name string) string {
	if !language.Vendored(name) {
		return ""
	}
	for i := range len(name) {
		if name[i] == '/' && language.Vendored(name[:i+1]) {
			return name[:i+1]
		}
	}
	return name
}

func isReadme(base string) bool {
	return strings.HasPrefix(strings.ToLower(base), "readme")
}

// archiveExt is what an archive's name ends with.
var archiveExt = regexp.MustCompile(`(?i)\.(zip|tar|tar\.gz|tgz|tar\.zst|tzst)$`)

var licenceName = regexp.MustCompile(`(?i)^((un)?licen[cs]e|copying|copyright)([-_.].*)?$`)
