package docx

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/extract/read/zipxml"
)

// display is a formula that stands by itself, between double dollar signs.
func display(n *zipxml.Node) string {
	var lines []string
	for _, c := range n.Kids {
		if c.Name == "m:oMath" {
			if t := tex(c); t != "" {
				lines = append(lines, t)
			}
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return "$$" + strings.Join(lines, `\\ `) + "$$"
}

// tex writes a formula of Word as TeX.
func tex(n *zipxml.Node) string {
	var s strings.Builder
	for _, c := range n.Kids {
		part := element(c)
		// A command takes the letters that follow it for its own name.
		if have := s.String(); part != "" && endsInCommand(have) {
			if r, _ := utf8.DecodeRuneInString(part); unicode.IsLetter(r) {
				s.WriteByte(' ')
			}
		}
		s.WriteString(part)
	}
	return strings.TrimSpace(s.String())
}

func endsInCommand(s string) bool {
	i := len(s)
	for i > 0 && (s[i-1] >= 'a' && s[i-1] <= 'z' || s[i-1] >= 'A' && s[i-1] <= 'Z') {
		i--
	}
	return i > 0 && i < len(s) && s[i-1] == '\\'
}

func element(n *zipxml.Node) string {
	arg := func(name string) string {
		if c := n.Kid("m:" + name); c != nil {
			return tex(c)
		}
		return ""
	}
	property := func(names ...string) string { return n.Val(names...) }
	switch n.Name {
	case "m:r":
		var s strings.Builder
		for _, c := range n.Kids {
			if c.Name == "m:t" || c.Name == "w:t" {
				s.WriteString(c.Words())
			}
		}
		text := s.String()
		if n.Kid("m:rPr", "m:nor") != nil && strings.TrimSpace(text) != "" {
			return `\text{` + text + "}"
		}
		return letters(text)
	case "m:f":
		if property("m:fPr", "m:type") == "noBar" {
			return `\binom{` + arg("num") + "}{" + arg("den") + "}"
		}
		if property("m:fPr", "m:type") == "lin" {
			return arg("num") + "/" + arg("den")
		}
		return `\frac{` + arg("num") + "}{" + arg("den") + "}"
	case "m:rad":
		if deg := arg("deg"); deg != "" {
			return `\sqrt[` + deg + "]{" + arg("e") + "}"
		}
		return `\sqrt{` + arg("e") + "}"
	case "m:sSup":
		return base(arg("e")) + "^" + group(arg("sup"))
	case "m:sSub":
		return base(arg("e")) + "_" + group(arg("sub"))
	case "m:sSubSup":
		return base(arg("e")) + "_" + group(arg("sub")) + "^" + group(arg("sup"))
	case "m:sPre":
		return "{}_" + group(arg("sub")) + "^" + group(arg("sup")) + arg("e")
	case "m:nary":
		sign := property("m:naryPr", "m:chr")
		if sign == "" {
			sign = "∫"
		}
		s := letters(sign)
		if sub := arg("sub"); sub != "" {
			s += "_" + group(sub)
		}
		if sup := arg("sup"); sup != "" {
			s += "^" + group(sup)
		}
		return s + " " + arg("e")
	case "m:d":
		open, shut, sep := "(", ")", "|"
		if p := n.Kid("m:dPr"); p != nil {
			if c := p.Kid("m:begChr"); c != nil {
				open = c.Get("val")
			}
			if c := p.Kid("m:endChr"); c != nil {
				shut = c.Get("val")
			}
			if c := p.Kid("m:sepChr"); c != nil {
				sep = c.Get("val")
			}
		}
		var parts []string
		for _, c := range n.Kids {
			if c.Name == "m:e" {
				parts = append(parts, tex(c))
			}
		}
		inner := strings.Join(parts, sep)
		if strings.Contains(inner, `\frac`) || strings.Contains(inner, `\begin`) || open == "" || shut == "" {
			return `\left` + bracket(open) + inner + `\right` + bracket(shut)
		}
		return braces.Replace(open) + inner + braces.Replace(shut)
	case "m:func":
		return function(arg("fName")) + " " + arg("e")
	case "m:limLow":
		return function(arg("e")) + "_" + group(arg("lim"))
	case "m:limUpp":
		return function(arg("e")) + "^" + group(arg("lim"))
	case "m:acc":
		accent := map[string]string{"̂": "hat", "̃": "tilde", "̅": "bar", "̄": "bar", "⃗": "vec", "̇": "dot", "̈": "ddot", "̌": "check", "": "hat"}[property("m:accPr", "m:chr")]
		if accent == "" {
			accent = "hat"
		}
		return `\` + accent + "{" + arg("e") + "}"
	case "m:bar":
		if property("m:barPr", "m:pos") == "top" {
			return `\overline{` + arg("e") + "}"
		}
		return `\underline{` + arg("e") + "}"
	case "m:groupChr":
		if property("m:groupChrPr", "m:pos") == "top" {
			return `\overbrace{` + arg("e") + "}"
		}
		return `\underbrace{` + arg("e") + "}"
	case "m:m":
		return `\begin{matrix} ` + strings.Join(rows(n, "m:mr", " & "), ` \\ `) + ` \end{matrix}`
	case "m:eqArr":
		var lines []string
		for _, c := range n.Kids {
			if c.Name == "m:e" {
				lines = append(lines, tex(c))
			}
		}
		return `\begin{aligned} ` + strings.Join(lines, ` \\ `) + ` \end{aligned}`
	case "w:br":
		return `\\ `
	case "":
		return ""
	}
	if strings.HasSuffix(n.Name, "Pr") {
		return ""
	}
	return tex(n)
}

func rows(n *zipxml.Node, name, sep string) []string {
	var out []string
	for _, r := range n.Kids {
		if r.Name != name {
			continue
		}
		var cells []string
		for _, c := range r.Kids {
			if c.Name == "m:e" {
				cells = append(cells, tex(c))
			}
		}
		out = append(out, strings.Join(cells, sep))
	}
	return out
}

func group(s string) string {
	if utf8.RuneCountInString(s) == 1 {
		return s
	}
	return "{" + s + "}"
}

// base is what an index hangs on.
func base(s string) string {
	if utf8.RuneCountInString(s) <= 1 || endsInCommand(s) || strings.HasPrefix(s, `\text{`) || strings.HasPrefix(s, `\mathbb{`) {
		return s
	}
	if strings.ContainsAny(s, "+-=^_ ") && !strings.HasPrefix(s, "(") {
		return "{" + s + "}"
	}
	return s
}

func function(s string) string {
	switch s {
	case "sin", "cos", "tan", "cot", "log", "ln", "exp", "lim", "max", "min", "sup", "inf", "det", "dim", "ker", "gcd", "arg", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "Pr", "sec", "csc", "deg", "hom":
		return `\` + s
	}
	return s
}

var braces = strings.NewReplacer("{", `\{`, "}", `\}`, "⌊", `\lfloor `, "⌋", `\rfloor `, "⌈", `\lceil `, "⌉", `\rceil `, "⟨", `\langle `, "⟩", `\rangle `, "‖", `\|`)

func bracket(s string) string {
	if s == "" {
		return "."
	}
	return braces.Replace(s)
}

// letters writes Greek letters and signs as their commands, for a model knows
// formulas as TeX.
func letters(text string) string {
	var s strings.Builder
	for _, r := range text {
		if name, ok := commands[r]; ok {
			s.WriteString(name)
			if isLetter := name[len(name)-1] >= 'A' && name[len(name)-1] != '}'; isLetter {
				s.WriteByte(' ')
			}
			continue
		}
		if r == '\u2061' || r == '\u2062' || r == '\u200b' { // signs without a mark
			continue
		}
		s.WriteRune(plain(r))
	}
	return strings.TrimSuffix(s.String(), " ") + trailing(text)
}

// trailing keeps the blank that a text ends with.
func trailing(text string) string {
	if strings.HasSuffix(text, " ") {
		return " "
	}
	return ""
}

// plain is the letter that a mathematical alphabet draws.
func plain(r rune) rune {
	if r == 'ℎ' {
		return 'h'
	}
	if r >= 0x1D400 && r <= 0x1D6A3 {
		i := (r - 0x1D400) % 52
		if i < 26 {
			return 'A' + i
		}
		return 'a' + i - 26
	}
	return r
}

var commands = map[rune]string{
	'α': `\alpha`, 'β': `\beta`, 'γ': `\gamma`, 'δ': `\delta`, 'ε': `\varepsilon`, 'ϵ': `\epsilon`, 'ζ': `\zeta`, 'η': `\eta`, 'θ': `\theta`, 'ι': `\iota`,
	'κ': `\kappa`, 'λ': `\lambda`, 'μ': `\mu`, 'ν': `\nu`, 'ξ': `\xi`, 'π': `\pi`, 'ρ': `\rho`, 'σ': `\sigma`, 'τ': `\tau`, 'υ': `\upsilon`, 'φ': `\varphi`,
	'ϕ': `\phi`, 'χ': `\chi`, 'ψ': `\psi`, 'ω': `\omega`, 'Γ': `\Gamma`, 'Δ': `\Delta`, 'Θ': `\Theta`, 'Λ': `\Lambda`, 'Ξ': `\Xi`, 'Π': `\Pi`, 'Σ': `\Sigma`,
	'Φ': `\Phi`, 'Ψ': `\Psi`, 'Ω': `\Omega`, '≤': `\le`, '≥': `\ge`, '≠': `\ne`, '≈': `\approx`, '≡': `\equiv`, '±': `\pm`, '×': `\times`, '·': `\cdot`, '⋅': `\cdot`,
	'∞': `\infty`, '→': `\to`, '⇒': `\Rightarrow`, '⇔': `\Leftrightarrow`, '∈': `\in`, '∉': `\notin`, '⊂': `\subset`, '⊆': `\subseteq`, '∪': `\cup`, '∩': `\cap`,
	'∅': `\emptyset`, '∀': `\forall`, '∃': `\exists`, '∂': `\partial`, '∇': `\nabla`, '∑': `\sum`, '∏': `\prod`, '∫': `\int`, '∬': `\iint`, '∮': `\oint`, '√': `\sqrt`,
	'…': `\dots`, '⋯': `\cdots`, '∧': `\land`, '∨': `\lor`, '¬': `\neg`, 'ℝ': `\mathbb{R}`, 'ℕ': `\mathbb{N}`, 'ℤ': `\mathbb{Z}`, 'ℚ': `\mathbb{Q}`, 'ℂ': `\mathbb{C}`,
	'∼': `\sim`, '∝': `\propto`, '−': `-`, '∗': `*`, '′': `'`,
	'𝛼': `\alpha`, '𝛽': `\beta`, '𝛾': `\gamma`, '𝛿': `\delta`, '𝜀': `\varepsilon`, '𝜃': `\theta`, '𝜆': `\lambda`, '𝜇': `\mu`, '𝜋': `\pi`, '𝜌': `\rho`, '𝜎': `\sigma`, '𝜏': `\tau`, '𝜑': `\varphi`, '𝜙': `\phi`, '𝜔': `\omega`,
}
