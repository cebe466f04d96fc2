package llm

import (
	"strings"
)

// TeX commands whose first letter is also a JSON escape, without that letter.
// A model that writes "\frac" in JSON means the command, and gets a form feed
// and "rac".
var tex = map[byte]string{
	'b': "eta ar inom egin ig igg igcup igcap igl igr igoplus igotimes igwedge igvee f mod oldsymbol ot ox oxed ullet ecause igstar lacksquare owtie reve reak mathbb ackslash ackepsilon eth etween oldmath",
	'f': "rac orall lat rown box rak ootnote ontsize bar ill igure",
	'n': "abla otin leq geq mid parallel Leftarrow Rightarrow leftarrow rightarrow subseteq supseteq exists prec succ vdash vDash sim cong earrow warrow atural ewline ewcommand onumber olimits ormalsize ot eq e u i eg less gtr",
	'r': "ho ight ightarrow ightarrowtail ightharpoonup ightleftharpoons angle floor ceil m vert Vert brace brack oot ef isingdotseq times hd",
	't': "au heta imes ext extbf extit extrm exttt extsf extsc frac binom ilde riangle riangleq riangleleft riangleright herefore hetasym hickapprox hicksim an anh o op binom op ag mathbb iny",
}

// Of these, what also reads as text after a line break or a tab, and is
// taken for a command only between math signs.
const textAfterBreak = " mid exists prec succ sim cong atural ot eq e u i eg less gtr parallel an o op ag ext iny "

// mend makes the strings of a JSON text say what the model meant: commands of
// TeX keep their backslash, a backslash that escapes nothing stands for
// itself, and characters that may not stand in a string are escaped. A NUL,
// which databases refuse, becomes U+FFFD.
func mend(s string) string {
	var out strings.Builder
	out.Grow(len(s) + len(s)/16)
	quoted, math := false, false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '"':
			quoted, math = !quoted, false
		case !quoted:
		case c == '\\' && i+1 < len(s):
			i++
			e := s[i]
			switch {
			case e == '\\':
				out.WriteString(`\\`)
				if i+1 < len(s) && strings.IndexByte("([", s[i+1]) >= 0 {
					math = true
				}
				if i+1 < len(s) && strings.IndexByte(")]", s[i+1]) >= 0 {
					math = false
				}
				continue
			case e == 'u' && !hex4(s[i+1:]),
				strings.IndexByte(`"/bfnrtu`, e) < 0,
				command(e, s[i+1:], math):
				out.WriteString(`\\`)
				if e == '(' || e == '[' {
					math = true
				}
				if e == ')' || e == ']' {
					math = false
				}
			case e == 'u' && s[i+1:i+5] == "0000":
				out.WriteString(`\ufffd`)
				i += 4
				continue
			default:
				out.WriteByte('\\')
			}
			if e == '$' { // an escaped dollar is no math sign
				out.WriteByte(e)
				continue
			}
			c = e
		case c == '$':
			math = !math
		case c < ' ':
			const digits = "0123456789abcdef"
			out.WriteString(`\u00`)
			out.WriteByte(digits[c>>4])
			c = digits[c&15]
		}
		out.WriteByte(c)
	}
	return out.String()
}

// command reports whether an escape and the letters after it are a command.
func command(escape byte, after string, math bool) bool {
	n := 0
	for n < len(after) && (after[n]|0x20 >= 'a' && after[n]|0x20 <= 'z') {
		n++
	}
	if n == 0 {
		return false
	}
	rest := " " + after[:n] + " "
	if !strings.Contains(" "+tex[escape]+" ", rest) {
		return false
	}
	return math || escape == 'b' || escape == 'f' || escape == 'r' || !strings.Contains(textAfterBreak, rest)
}

func hex4(s string) bool {
	if len(s) < 4 {
		return false
	}
	for i := range 4 {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}
