package stage

import (
	"fmt"
	"strings"
)

// A tongue is how a language asks for what texts state without asking.
type tongue struct {
	prove   map[string]string // by kind of claim, "" for one of another kind
	meaning string            // of a term
	small   map[string]bool   // words that its texts are full of
}

// tongues are the languages that harvest asks in, besides English.
var tongues = map[string]tongue{
	"de": {
		prove: map[string]string{
			"theorem": "Beweise den folgenden Satz: ", "lemma": "Beweise das folgende Lemma: ", "proposition": "Beweise die folgende Proposition: ",
			"corollary": "Beweise das folgende Korollar: ", "": "Beweise die folgende Aussage: ",
		},
		meaning: "Was bedeutet „%s“?",
		small:   set("der|die|das|und|ist|nicht|ein|eine|einer|eines|einem|jede|jeder|jedes|dann|wenn|mit|für|von|zu|sind|genau|sei|hat|im|es"),
	},
	"fr": {
		prove: map[string]string{
			"theorem": "Démontrez le théorème suivant : ", "lemma": "Démontrez le lemme suivant : ", "proposition": "Démontrez la proposition suivante : ",
			"corollary": "Démontrez le corollaire suivant : ", "": "Démontrez l’affirmation suivante : ",
		},
		meaning: "Que signifie « %s » ?",
		small:   set("le|la|les|des|et|est|une|un|du|que|qui|dans|pour|tout|toute|sont|si|alors|il|on|au|aux|soit|ne|pas"),
	},
	"es": {
		prove: map[string]string{
			"theorem": "Demuestra el siguiente teorema: ", "lemma": "Demuestra el siguiente lema: ", "proposition": "Demuestra la siguiente proposición: ",
			"corollary": "Demuestra el siguiente corolario: ", "": "Demuestra la siguiente afirmación: ",
		},
		meaning: "¿Qué significa «%s»?",
		small:   set("el|los|las|y|es|una|un|del|que|en|para|todo|toda|son|si|entonces|hay|sea|no|con|por|al|cada"),
	},
	"it": {
		prove: map[string]string{
			"theorem": "Dimostra il seguente teorema: ", "lemma": "Dimostra il seguente lemma: ", "proposition": "Dimostra la seguente proposizione: ",
			"corollary": "Dimostra il seguente corollario: ", "": "Dimostra la seguente affermazione: ",
		},
		meaning: "Che cosa significa «%s»?",
		small:   set("il|lo|gli|e|è|una|un|del|della|che|nel|per|ogni|sono|se|allora|sia|non|con|di|al|alla|ha"),
	},
	"pt": {
		prove: map[string]string{
			"theorem": "Demonstre o seguinte teorema: ", "lemma": "Demonstre o seguinte lema: ", "proposition": "Demonstre a seguinte proposição: ", //nolint:misspell // Portuguese
			"corollary": "Demonstre o seguinte corolário: ", "": "Demonstre a seguinte afirmação: ", //nolint:misspell // Portuguese
		},
		meaning: "O que significa “%s”?",
		small:   set("o|os|as|e|é|uma|um|do|da|que|em|para|todo|toda|são|se|então|seja|não|com|por|ao|cada|tem"),
	},
	"nl": {
		prove: map[string]string{
			"theorem": "Bewijs de volgende stelling: ", "lemma": "Bewijs het volgende lemma: ", "proposition": "Bewijs de volgende propositie: ",
			"corollary": "Bewijs het volgende gevolg: ", "": "Bewijs de volgende bewering: ",
		},
		meaning: "Wat betekent ‘%s’?",
		small:   set("de|het|een|en|is|niet|elke|elk|dan|als|met|voor|van|zijn|precies|zij|heeft|dat|die|er"),
	},
}

var englishSmall = set("the|a|an|and|is|not|every|each|then|if|with|for|of|to|are|let|has|in|it|that|there|any|all")

// kinds of claims by their labels in all languages.
var claimKinds = map[string]string{
	"satz": "theorem", "theorem": "theorem", "théorème": "theorem", "teorema": "theorem", "stelling": "theorem",
	"lemma": "lemma", "lemme": "lemma", "lema": "lemma", "hilfssatz": "lemma", "hulpstelling": "lemma",
	"proposition": "proposition", "proposición": "proposition", "proposizione": "proposition", "proposição": "proposition", "propositie": "proposition",
	"corollary": "corollary", "korollar": "corollary", "corollaire": "corollary", "corolario": "corollary", "corollario": "corollary", "corolário": "corollary",
	"gevolg": "corollary", "folgerung": "corollary",
}

// tongue is the language to ask in about a text: the document's where it is
// known, else the one whose small words the text has. It is not ok for English
// and for all others, which are asked about in English.
func (o *outline) tongue(text string) (tongue, bool) {
	code, _, _ := strings.Cut(strings.ToLower(o.doc.Language), "-")
	if code == "" {
		code = guess(text)
	}
	t, ok := tongues[code]
	return t, ok
}

// guess is the language with most small words in a text, "" where English has
// as many or there are fewer than three.
func guess(text string) string {
	counts, english := map[string]int{}, 0
	for w := range strings.FieldsFuncSeq(strings.ToLower(cutText(text, 4000)), func(r rune) bool { return strings.ContainsRune(" \t\n.,;:()[]*_$\"“”„«»", r) }) {
		if englishSmall[w] {
			english++
		}
		for code, t := range tongues {
			if t.small[w] {
				counts[code]++
			}
		}
	}
	best, most := "", max(2, english)
	for _, code := range []string{"de", "fr", "es", "it", "pt", "nl"} {
		if counts[code] > most {
			best, most = code, counts[code]
		}
	}
	return best
}

// ask is the question for a claim's proof.
func (t tongue) ask(word, statement string) string {
	words, ok := t.prove[claimKinds[word]]
	if !ok {
		words = t.prove[""]
	}
	return words + statement
}

func (t tongue) whatIs(term string) string { return fmt.Sprintf(t.meaning, term) }
