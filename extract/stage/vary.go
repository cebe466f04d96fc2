package stage

import (
	"strings"

	"seedbed/extract"
)

// The plan that spreads types of question and readers over a document: each
// passage is asked for some types first, in turn. It depends on the place of
// the passage alone, so that a run that is repeated asks the same.
var (
	plannedTypes = []string{
		extract.Conceptual, extract.Reasoning, extract.Counterfactual, extract.Procedural,
		extract.Comparison, extract.Analytical, extract.Definition, extract.Factual,
	}
	audiences = []string{
		"a curious beginner", "a student before an exam", "somebody who has to apply it at work", "an expert who wants to be sure", "a teacher who looks for misunderstandings",
	}
)

// typesAsked is how many types a passage is asked for first.
const typesAsked = 3

// plan is what a passage is asked for. Its place is mixed, so that passages at
// any distance from each other fall on all types alike.
func plan(p extract.Passage) (types []string, audience string) {
	all := plannedTypes
	for _, b := range p.Blocks() {
		if b.Kind == extract.Code {
			all = append([]string{extract.CodeType}, all...)
			break
		}
	}
	if strings.Contains(strings.ToLower(p.Text), "proof") {
		all = append([]string{extract.Proof}, all...)
	}
	turn := mixed(uint64(p.First))
	first := int(turn % uint64(len(all)))
	for i := range typesAsked {
		types = append(types, all[(first+i*len(all)/typesAsked)%len(all)])
	}
	return types, audiences[turn>>32%uint64(len(audiences))]
}

// mixed is SplitMix64's finish (Steele, Lea and Flood, 2014).
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
