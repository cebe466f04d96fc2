package view

import "github.com/a-h/templ"

// icons are drawn on a grid of 24 by 24, in strokes of the text's colour.
var icons = map[string]string{
	"sprout":     `<path d="M12 21v-9"/><path d="M12 12C12 7.5 9 5 4 5c0 4.5 3 7 8 7Z"/><path d="M12 14c0-4 2.700-6.500 8-6.500 0 4.500-3 6.500-8 6.500Z"/><path d="M6 21h12"/>`,
	"theme":      `<circle cx="12" cy="12" r="8"/><path d="M12 4v16a8 8 0 0 0 0-16Z" fill="currentColor"/>`,
	"upload":     `<path d="M12 16V4m0 0L7 9m5-5 5 5"/><path d="M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3"/>`,
	"book":       `<path d="M5 4.500A1.500 1.500 0 0 1 6.500 3H19v15H6.500A1.500 1.500 0 0 0 5 19.500v-15Z"/><path d="M5 19.500A1.500 1.500 0 0 0 6.500 21H19v-3"/>`,
	"paper":      `<path d="M6 3h8l4 4v14H6V3Z"/><path d="M14 3v4h4M9 12h6M9 16h6"/>`,
	"page":       `<circle cx="12" cy="12" r="9"/><path d="M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18"/>`,
	"repository": `<path d="m8 8-4 4 4 4M16 8l4 4-4 4M14 5l-4 14"/>`,
	"search":     `<circle cx="11" cy="11" r="6.500"/><path d="m16 16 4.500 4.500"/>`,
	"check":      `<path d="m5 12.500 4.500 4.500L19 7.500"/>`,
	"cross":      `<path d="m6 6 12 12M18 6 6 18"/>`,
	"back":       `<path d="M9 7 4 12l5 5"/><path d="M4 12h11a5 5 0 0 1 0 10h-2"/>`,
	"down":       `<path d="M12 4v12m0 0 5-5m-5 5-5-5"/><path d="M5 20h14"/>`,
	"warn":       `<path d="M12 4 3 20h18L12 4Z"/><path d="M12 10v4.500M12 17.500v.01"/>`,
	"quote":      `<path d="M10 7c-3.500 1-5 3-5 6v4h5v-5H7.500c0-2 .8-3 2.500-3.500V7ZM19 7c-3.500 1-5 3-5 6v4h5v-5h-2.500c0-2 .8-3 2.500-3.500V7Z"/>`,
	"pause":      `<path d="M8.500 5v14M15.500 5v14"/>`,
	"play":       `<path d="M7 5v14l12-7L7 5Z"/>`,
	"stop":       `<path d="M6 6h12v12H6z"/>`,
	"retry":      `<path d="M20 5v5h-5"/><path d="M19.500 10A8 8 0 1 0 20 14"/>`,
	"trash":      `<path d="M5 7h14M10 4h4M7 7l1 13h8l1-13"/>`,
	"edit":       `<path d="m4 20 1-5L16 4l4 4L9 19l-5 1Z"/>`,
	"plug":       `<path d="M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0V8ZM12 17v4"/>`,
	"arrow":      `<path d="M5 12h14m0 0-5-5m5 5-5 5"/>`,
}

// icon draws an icon that says nothing a screen reader should read.
func icon(name string) templ.Component {
	return templ.Raw(`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">` + icons[name] + `</svg>`)
}

// kindIcon is the icon of a kind of source.
func kindIcon(kind string) templ.Component {
	if _, ok := icons[kind]; ok {
		return icon(kind)
	}
	return icon("paper")
}
