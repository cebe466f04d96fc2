package stage

import (
	"strings"
	"unicode/utf8"

	"seedbed/extract"
)

// proofs pairs theorems with their proofs.
func (o *outline) proofs() {
	type claim struct {
		label
		piece   int
		body    []int
		proof   []int
		section int
		proved  bool
	}
	var claims []*claim
	byNumber := map[string][]*claim{}
	var cur *claim
	var into *[]int // where plain pieces go
	for i := range o.pieces {
		p := o.pieces[i]
		switch p.role {
		case roleClaim:
			cur = &claim{label: p.label, piece: i, section: p.section}
			if strings.TrimSpace(o.words(p)) != "" && p.kind != extract.Heading {
				cur.body = append(cur.body, i)
			}
			into = &cur.body
			claims = append(claims, cur)
			if p.number != "" {
				n := p.word + " " + canonical(p.number)
				byNumber[n] = append(byNumber[n], cur)
			}
		case roleProof:
			into = nil
			target := cur
			if p.number != "" {
				target = nil
				named := byNumber[p.of+" "+canonical(p.number)]
				if len(named) > 0 && named[len(named)-1] == cur {
					target = cur
				} else if len(named) == 1 {
					target = named[0]
				}
			} else if p.of != "" && (cur == nil || cur.word != p.of) {
				target = nil
			}
			if target == nil || target.proved {
				continue
			}
			target.proved = true
			if strings.TrimSpace(o.words(p)) != "" && p.kind != extract.Heading {
				target.proof = append(target.proof, i)
			}
			into = &target.proof
			if o.ends(p) {
				into, cur = nil, nil
			}
		case roleEnd:
			if into != nil && (p.word == "proof" || labelRoles[p.word] == roleClaim) {
				if labelRoles[p.word] == roleProof {
					cur = nil
				}
				into = nil
			}
		case roleNone, roleNumbered:
			if p.kind == extract.Heading {
				cur, into = nil, nil
				continue
			}
			if into == nil || p.kind == extract.Footnote || p.kind == extract.Caption {
				continue
			}
			*into = append(*into, i)
			if cur != nil && into == &cur.proof && o.ends(p) {
				into, cur = nil, nil
			}
		default:
			cur, into = nil, nil
		}
	}
	for _, c := range claims {
		statement, ss := o.gather(c.body)
		proof, ps := o.gather(c.proof)
		statement, proof = cleanAnswer(withoutQED(statement)), cleanAnswer(withoutQED(proof))
		if statement == "" || proof == "" || leans(statement) || pointer(proof) || strings.Count(proof, " ") < 5 {
			continue
		}
		o.taken[c.piece] = true
		f := found{at: o.runes(o.pieces[c.piece].start), kind: extract.Proof, tag: "proof"}
		question := proveThat(c.word, statement)
		if t, ok := o.tongue(statement + "\n" + proof); ok {
			question = t.ask(c.word, statement)
		}
		o.add(question, proof, f, append(ss, ps...)...)
	}
}

// ends reports whether a piece ends with the sign that a proof is complete.
func (o *outline) ends(p piece) bool {
	return qed.MatchString(o.text[max(p.body, p.end-40):p.end])
}

var qed = lazily(`(?i)\s*(\$[□■∎⊠◻◼△▲◇◊♢♦]\$|∎|□|■|◻|◼|▪|⊠|△|◊|♢|\$\\(square|blacksquare|qedsymbol|Box)\$|\\(qed|square|blacksquare|qedhere)\b|\bQ\.?\s?E\.?\s?D\.?)[\s*_]*$`)

// withoutQED takes the sign off the end.
func withoutQED(s string) string {
	tail := max(0, len(s)-40)
	for tail > 0 && !utf8.RuneStart(s[tail]) {
		tail--
	}
	return strings.TrimSpace(s[:tail] + qed.ReplaceAllString(s[tail:], ""))
}

// leaning matches statements that only make sense in their place.
var leaning = lazily(`(?i)\b(theorem|lemma|proposition|corollary|definition|section|chapter|figure|table|equation|exercise|example|remark|conditions?|properties)\s*(\(?\d|\(?[ivx]+\)|~?\\ref|\[)|\\(eq)?ref\{|\b(?:theorem|lemma|definition|exercise|example|section)[\s\x{a0}]+(?-i:[A-Z]{2,6}\d?\b)|\b(above|below|previous(ly)?|preceding|aforementioned|the following (figure|table|are equivalent to)|as before|the same notation|our (construction|algorithm)|this (chapter|section|book))\b|\(\d+\.\d+\)|^(this|that|it|they|these|those|then|moreover|also|in this case)\b`)

func leans(s string) bool { return leaning.MatchString(s) }

// proveThat turns a statement into a task.
func proveThat(word, statement string) string {
	one := strings.Count(statement, ". ") == 0 && !strings.Contains(statement, "\n\n") && !strings.Contains(statement, ".\n")
	first, _, _ := strings.Cut(statement, " ")
	first = strings.Trim(first, ",")
	switch {
	case one && (lowerable[first] && !imperative[first] || strings.HasPrefix(statement, "$") || strings.HasPrefix(statement, `\(`)):
		return "Prove that " + lowerFirst(statement)
	case word == "claim":
		return "Prove the following claim: " + statement
	}
	if kind := claimKinds[word]; kind != "" {
		word = kind
	}
	return "Prove the following " + word + ": " + statement
}

// imperative are openings that "Prove that" cannot stand before.
var imperative = map[string]bool{"Let": true, "Suppose": true, "Assume": true, "Given": true}
