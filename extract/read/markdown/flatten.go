package markdown

import "bytes"

// How deep quotes and lists are understood. Beyond, their signs are text.
const (
	maxNested = 40
	maxIndent = 160 // columns before the first sign of a line
)

// flatten covers up, in the copy of the source that is parsed, the signs of
// quotes and lists nested deeper than anybody nests them: the parser's time
// grows with the cube of the depth. The copy keeps its length, so offsets into
// it are offsets into the source.
func flatten(src []byte) {
	for len(src) > 0 {
		line := src
		if i := bytes.IndexByte(src, '\n'); i >= 0 {
			line = src[:i]
		}
		signs, columns := 0, 0
	prefix:
		for i, c := range line {
			switch c {
			case ' ':
				columns++
			case '\t':
				columns += 4
			case '>':
				signs++
			case '-', '+', '*':
				if i+1 < len(line) && line[i+1] != ' ' && line[i+1] != '\t' {
					break prefix // a rule, an underline, emphasis
				}
				signs++
			case '.', ')', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
				columns++
			default:
				break prefix
			}
			if signs > maxNested || columns > maxIndent {
				if len(bytes.Trim(line[i:], "-* \t\r")) == 0 {
					break prefix // a rule
				}
				line[i] = 'x'
				break prefix
			}
		}
		src = src[min(len(line)+1, len(src)):]
	}
}
