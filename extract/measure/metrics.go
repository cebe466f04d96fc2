package measure

import (
	"fmt"
	"math"
	"strings"
)

// A Metric says what a number of the card means.
type Metric struct {
	Key     string // its place in the card's JSON: "evidence.grounded"
	Group   string
	Name    string // as the table shows it
	Unit    string // share, bits, times, count or money
	Range   string
	Better  string // Higher, Lower or "" where neither is
	Aim     string // what a good set reaches, "" where nothing is said
	Meaning string // one sentence
	Source  string // of the method, "" for our own

	show func(*Card) cell
}

// Show is the metric's number on a card in words, "" where it is not known,
// with what it is made of. Met says whether the aim is reached: 1 it is, −1 it
// is not, 0 there is none.
func (m *Metric) Show(c *Card) (value, note string, met int) {
	s := m.show(c)
	return s.value, s.note, s.aim
}

// Omits reports whether a card has nothing to say about a group of metrics.
func (c *Card) Omits(group string) bool { return new(table).omits(c, group) }

// Which way a metric is better.
const (
	Higher = "higher"
	Lower  = "lower"
)

// A cell is a metric's number as it is shown.
type cell struct {
	value string // "" is not known
	note  string // what it is made of, or why it is not known
	aim   int    // 1 met, −1 missed, 0 there is none
}

// Metrics are all metrics of a card, in the order of the table.
var Metrics = []Metric{
	{Key: "seeds.valid", Group: "Set", Name: "valid records", Unit: "share", Range: "0–1", Better: Higher, Aim: "100 %",
		Meaning: "Lines that hold a seed with every field in its range, of all lines.",
		show:    share(func(c *Card) Share { return c.Seeds.Valid }, least(1))},
	{Key: "seeds.rejected", Group: "Set", Name: "rejected", Unit: "share", Range: "0–1",
		Meaning: "Seeds that a check or a person rejected, of all in the file. Files hold them only where they were asked for.",
		show:    share(func(c *Card) Share { return c.Seeds.Rejected }, nil)},

	{Key: "evidence.grounded", Group: "Evidence", Name: "quotes grounded", Unit: "share", Range: "0–1", Better: Higher, Aim: "100 %",
		Meaning: "Quotes that stand in the source's text where they say, looked up again: letter for letter where they claim so, else after normalisation.",
		show: func(c *Card) cell {
			out := share(func(c *Card) Share { return c.Evidence.Grounded }, least(1))(c)
			e := c.Evidence
			switch {
			case e.Grounded.Of == 0:
				out.note = needsSource(c)
			case e.Grounded.N < e.Grounded.Of:
				out.note += fmt.Sprintf("; %d at another place, %d nowhere", e.Elsewhere, e.Missing)
				if e.Unsearched > 0 {
					out.note += fmt.Sprintf(", %d not looked for", e.Unsearched)
				}
			}
			return out
		}},
	{Key: "evidence.grounded_seeds", Group: "Evidence", Name: "seeds wholly grounded", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "Seeds that have quotes, all of them grounded.",
		show:    sourced(func(c *Card) Share { return c.Evidence.GroundedSeeds })},
	{Key: "evidence.without", Group: "Evidence", Name: "seeds without a quote", Unit: "share", Range: "0–1", Better: Lower,
		Meaning: "Seeds that bring no evidence at all.",
		show:    share(func(c *Card) Share { return c.Evidence.Without }, nil)},
	{Key: "evidence.numbers_in_quotes", Group: "Evidence", Name: "numbers in quotes", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "Numbers written in digits in answers, less those the question gives, that the seed's quotes hold. What is computed stands in none.",
		show:    share(func(c *Card) Share { return c.Evidence.NumbersInQuotes }, nil)},
	{Key: "evidence.numbers_in_source", Group: "Evidence", Name: "numbers in source", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "The same numbers, looked for in the whole source. One that is not there is computed or made up.",
		show:    sourced(func(c *Card) Share { return c.Evidence.NumbersInSource })},

	{Key: "standalone.references", Group: "Standing alone", Name: "lean on unseen text", Unit: "share", Range: "0–1", Better: Lower, Aim: "≤ 1 %",
		Meaning: "Questions that speak of what the reader does not see: “the passage”, “Figure 3”, “as shown above”.",
		show:    share(func(c *Card) Share { return c.Standalone.References }, most(0.01))},
	{Key: "standalone.leaks", Group: "Standing alone", Name: "leak the answer", Unit: "share", Range: "0–1", Better: Lower, Aim: "≤ 1 %",
		Meaning: "Questions in which their own answer stands, and is not one of several to choose from.",
		show:    share(func(c *Card) Share { return c.Standalone.Leaks }, most(0.01))},
	{Key: "standalone.pointers", Group: "Standing alone", Name: "only point elsewhere", Unit: "share", Range: "0–1", Better: Lower, Aim: "≤ 1 %",
		Meaning: "Answers that say no more than where an answer stands: “See chapter 4”.",
		show:    share(func(c *Card) Share { return c.Standalone.Pointers }, most(0.01))},
	{Key: "standalone.void", Group: "Standing alone", Name: "have no content", Unit: "share", Range: "0–1", Better: Lower, Aim: "≤ 1 %",
		Meaning: "Questions of a single word, and answers like “n/a” or “…”.",
		show:    share(func(c *Card) Share { return c.Standalone.Void }, most(0.01))},

	{Key: "diversity.near_duplicates", Group: "Diversity", Name: "near duplicates", Unit: "share", Range: "0–1", Better: Lower, Aim: "≤ 1 %",
		Meaning: "Questions asked before in nearly the same words: Jaccard ≥ 0.6 of three words in a row, and no other number, name or negation.",
		Source:  "Broder, On the resemblance and containment of documents, 1997",
		show: func(c *Card) cell {
			out := share(func(c *Card) Share { return c.Diversity.NearDuplicates }, most(0.01))(c)
			if d := c.Diversity; d.Partial {
				out.note += fmt.Sprintf("; compared with the first %s", group(d.Compared))
			}
			return out
		}},
	{Key: "diversity.distinct_2", Group: "Diversity", Name: "distinct-2", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "Different pairs of neighbouring words, of all such pairs in the questions. Falls as sets grow: compare sets of one size.",
		Source:  "Li et al., A diversity-promoting objective function for neural conversation models, 2016",
		show: func(c *Card) cell {
			out := share(func(c *Card) Share { return c.Diversity.Distinct2 }, nil)(c)
			out.note += sampledNote(c)
			return out
		}},
	{Key: "diversity.compression", Group: "Diversity", Name: "compression ratio", Unit: "times", Range: "about 1 and up", Better: Lower,
		Meaning: "How many times smaller gzip makes the questions. Wording that repeats itself compresses well; sets of a few dozen look too good.",
		Source:  "Shaib et al., Standardizing the measurement of text diversity, 2024",
		show: func(c *Card) cell {
			out := number(func(c *Card) *float64 { return c.Diversity.Compression }, "%.2f ×", "there are no questions")(c)
			if out.value == "" {
				return out
			}
			out.note = strings.TrimPrefix(sampledNote(c), "; ")
			return out
		}},
	{Key: "diversity.first_words.bits", Group: "Diversity", Name: "first-word entropy", Unit: "bits", Range: "0–log2 of the seeds", Better: Higher,
		Meaning: "How evenly the questions' first words are spread: n bits are as varied as 2ⁿ words, equally frequent.",
		Source:  "Shannon, A mathematical theory of communication, 1948",
		show:    bits(func(c *Card) Entropy { return c.Diversity.FirstWords }, "words", "there are no questions")},
	{Key: "diversity.types.bits", Group: "Diversity", Name: "type entropy", Unit: "bits", Range: "0–3.32", Better: Higher,
		Meaning: "How evenly the seeds are spread over the ten types.",
		Source:  "Shannon 1948; evenness: Pielou, The measurement of diversity in different types of biological collections, 1966",
		show:    bits(func(c *Card) Entropy { return c.Diversity.Types }, "types", "there are no seeds")},
	{Key: "diversity.largest_type", Group: "Diversity", Name: "largest type", Unit: "share", Range: "0–1", Better: Lower, Aim: "≤ 60 %",
		Meaning: "The share of the most frequent type.",
		show:    share(func(c *Card) Share { return c.Diversity.LargestType }, most(0.6))},

	{Key: "difficulty.mean", Group: "Difficulty", Name: "mean level", Unit: "level", Range: "1–10",
		Meaning: "The mean of the levels a model estimated, from 1 to 10.",
		show:    number(func(c *Card) *float64 { return c.Difficulty.Mean }, "%.1f", "no seed has a level")},
	{Key: "difficulty.entropy.bits", Group: "Difficulty", Name: "level entropy", Unit: "bits", Range: "0–3.32", Better: Higher,
		Meaning: "How evenly the seeds with a level are spread over the ten levels.",
		Source:  "Shannon 1948",
		show:    bits(func(c *Card) Entropy { return c.Difficulty.Entropy }, "levels", "no seed has a level")},
	{Key: "answers.roundtrip", Group: "Answered again", Name: "agree from the passage", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "Seeds to which a model that was shown the passage gives the same answer, of all that it was asked; a judge compares.",
		Source:  "Alberti et al., Synthetic QA corpora generation with roundtrip consistency, 2019",
		show:    share(func(c *Card) Share { return c.Answers.Roundtrip }, nil)},
	{Key: "answers.closed_book", Group: "Answered again", Name: "known without it", Unit: "share", Range: "0–1",
		Meaning: "Of the same seeds, those that it answered without the passage too; 0 where the recipe does not try.",
		show:    share(func(c *Card) Share { return c.Answers.ClosedBook }, nil)},
	{Key: "answers.agreement", Group: "Answered again", Name: "agreement of votes", Unit: "share", Range: "0–1",
		Meaning: "The mean share of the largest group of equal answers, where many were drawn without the passage. The largest group of each seed is below.",
		Source:  "Wang et al., Self-consistency improves chain of thought reasoning in language models, 2022",
		show: func(c *Card) cell {
			if c.Answers.Agreement == nil {
				return cell{note: "no seed was voted on"}
			}
			return cell{value: percent(*c.Answers.Agreement), note: "over " + plural(c.Answers.Voted, "seed")}
		}},

	{Key: "coverage.sections", Group: "Coverage", Name: "sections reached", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "Sections with content of their own in which a grounded quote stands, or the passage of a seed without one.",
		show:    reached(func(r Reach) Share { return r.Sections })},
	{Key: "coverage.passages", Group: "Coverage", Name: "tokens in passages", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "Tokens of content in passages that gave a seed.",
		show:    reached(func(r Reach) Share { return r.Passages })},
	{Key: "coverage.quoted", Group: "Coverage", Name: "tokens quoted", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "Tokens of content in grounded quotes.",
		show:    reached(func(r Reach) Share { return r.Quoted })},
	{Key: "coverage.pairs_per_1000", Group: "Coverage", Name: "pairs per 1,000 tokens", Unit: "count", Range: "0 and up",
		Meaning: "Seeds for each 1,000 tokens of content.",
		show: number(func(c *Card) *float64 {
			if c.Coverage == nil {
				return nil
			}
			return c.Coverage.Pairs
		}, "%.2f", "needs --source")},
	{Key: "coverage.gini_sections", Group: "Coverage", Name: "Gini over sections", Unit: "share", Range: "0–1", Better: Lower,
		Meaning: "How unevenly seeds are spread over sections: 0 is the same number in each, near 1 all in one.",
		Source:  "Gini, Variabilità e mutabilità, 1912",
		show:    giniOf(func(r Reach) *float64 { return r.GiniSections })},
	{Key: "coverage.gini_tokens", Group: "Coverage", Name: "Gini by length", Unit: "share", Range: "0–1", Better: Lower,
		Meaning: "The same with sections taken by their length: 0 where each token has as many seeds as any other.",
		Source:  "Gini 1912; Lorenz, Methods of measuring the concentration of wealth, 1905",
		show:    giniOf(func(r Reach) *float64 { return r.GiniTokens })},

	{Key: "cost.tokens_per_measured", Group: "Cost", Name: "tokens per seed", Unit: "count", Range: "0 and up", Better: Lower,
		Meaning: "Tokens in and out of all seeds in the file, rejected ones too, over the seeds measured. Calls that gave no seed are not in it.",
		show:    number(func(c *Card) *float64 { return c.Cost.TokensPerMeasured }, "", "no seed says what it took")},
	{Key: "cost.tokens_per_accepted", Group: "Cost", Name: "tokens per accepted seed", Unit: "count", Range: "0 and up", Better: Lower,
		Meaning: "The same over the seeds a person accepted.",
		show:    perAccepted(func(c *Card) *float64 { return c.Cost.TokensPerAccepted }, "")},
	{Key: "cost.money_per_measured", Group: "Cost", Name: "cost per seed", Unit: "money", Range: "0 and up", Better: Lower,
		Meaning: "Those tokens by the prices given, over the seeds measured.",
		show:    number(func(c *Card) *float64 { return c.Cost.PerMeasured }, "%.6f", "needs tokens and --price-in, --price-out")},
	{Key: "cost.money_per_accepted", Group: "Cost", Name: "cost per accepted seed", Unit: "money", Range: "0 and up", Better: Lower,
		Meaning: "The same over the seeds a person accepted.",
		show:    perAccepted(func(c *Card) *float64 { return c.Cost.PerAccepted }, "%.6f")},

	{Key: "run.covered", Group: "Run", Name: "passages with seeds", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "Passages that gave a seed, of all that were not screened out. The others say why not.",
		show:    ofRun(func(r *RunCard) cell { return share(func(*Card) Share { return r.Covered }, nil)(nil) })},
	{Key: "run.sections", Group: "Run", Name: "sections with seeds", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "The same by section, two headings down.",
		show:    ofRun(func(r *RunCard) cell { return share(func(*Card) Share { return r.Sections }, nil)(nil) })},
	{Key: "run.calls_per_seed", Group: "Run", Name: "calls per seed", Unit: "count", Range: "0 and up", Better: Lower,
		Meaning: "All calls to models, those that gave nothing too, over the seeds that passed every check.",
		show: ofRun(func(r *RunCard) cell {
			out := number(func(*Card) *float64 { return r.CallsPerSeed }, "%.2f", "no model was asked, or no seed passed")(nil)
			if out.value != "" {
				out.note = plural(r.Calls, "call")
				if r.Cached > 0 {
					out.note += ", and " + group(r.Cached) + " replies from the cache"
				}
			}
			return out
		})},
	{Key: "run.tokens_per_seed", Group: "Run", Name: "tokens per seed, in all", Unit: "count", Range: "0 and up", Better: Lower,
		Meaning: "The tokens of all those calls, in and out, over the same seeds.",
		show: ofRun(func(r *RunCard) cell {
			return number(func(*Card) *float64 { return r.TokensPerSeed }, "", "no model was asked")(nil)
		})},
	{Key: "run.money_per_seed", Group: "Run", Name: "cost per seed, in all", Unit: "money", Range: "0 and up", Better: Lower,
		Meaning: "What those tokens cost, over the same seeds.",
		show: ofRun(func(r *RunCard) cell {
			return number(func(*Card) *float64 { return r.MoneyPerSeed }, "%.6f", "no prices are known")(nil)
		})},
	{Key: "run.prefix", Group: "Run", Name: "tokens in cached", Unit: "share", Range: "0–1", Better: Higher,
		Meaning: "Prompt tokens that the server read from its own cache of prompts, which it sells for less. Servers that do not say count as none.",
		show: ofRun(func(r *RunCard) cell {
			if r.Calls == 0 {
				return cell{note: "no model was asked"}
			}
			return share(func(*Card) Share { return r.Prefix }, nil)(nil)
		})},
}

// ofRun shows what only a run's card has.
func ofRun(show func(*RunCard) cell) func(*Card) cell {
	return func(c *Card) cell {
		if c.Run == nil {
			return cell{note: "known of runs alone"}
		}
		return show(c.Run)
	}
}

func least(v float64) func(float64) bool { return func(x float64) bool { return x >= v } }
func most(v float64) func(float64) bool  { return func(x float64) bool { return x <= v } }

func share(get func(*Card) Share, good func(float64) bool) func(*Card) cell {
	return func(c *Card) cell {
		s := get(c)
		v, known := s.Value()
		if !known {
			return cell{note: "there is nothing to count"}
		}
		out := cell{value: percent(v), note: group(s.N) + " of " + group(s.Of)}
		if good != nil {
			out.aim = -1
			if good(v) {
				out.aim = 1
			}
		}
		return out
	}
}

func sourced(get func(*Card) Share) func(*Card) cell {
	return func(c *Card) cell {
		out := share(get, nil)(c)
		if out.value == "" && (c.Coverage == nil || c.Coverage.Seeds == 0) {
			out.note = needsSource(c)
		}
		return out
	}
}

func needsSource(c *Card) string {
	switch {
	case c.Coverage == nil:
		return "needs --source"
	case c.Coverage.Seeds == 0:
		return "no seed is of a source given"
	}
	return "there is nothing to count"
}

func reached(get func(Reach) Share) func(*Card) cell {
	return func(c *Card) cell {
		if c.Coverage == nil {
			return cell{note: needsSource(c)}
		}
		return share(func(c *Card) Share { return get(c.Coverage.Reach) }, nil)(c)
	}
}

func giniOf(get func(Reach) *float64) func(*Card) cell {
	return func(c *Card) cell {
		if c.Coverage == nil || get(c.Coverage.Reach) == nil {
			return cell{note: needsSource(c)}
		}
		return cell{value: fmt.Sprintf("%.2f", *get(c.Coverage.Reach)), note: plural(c.Coverage.Sections.Of, "section")}
	}
}

// number shows a number in a format, "" for whole ones.
func number(get func(*Card) *float64, format, without string) func(*Card) cell {
	return func(c *Card) cell {
		v := get(c)
		switch {
		case v == nil:
			return cell{note: without}
		case format == "":
			return cell{value: group(int(math.Round(*v)))}
		}
		return cell{value: fmt.Sprintf(format, *v)}
	}
}

func perAccepted(get func(*Card) *float64, format string) func(*Card) cell {
	return func(c *Card) cell {
		if c.Cost.Accepted == 0 {
			return cell{note: "no seed is accepted yet"}
		}
		return number(get, format, "no seed says what it took, or prices are missing")(c)
	}
}

func bits(get func(*Card) Entropy, of, without string) func(*Card) cell {
	return func(c *Card) cell {
		e := get(c)
		if e.Of == 0 {
			return cell{note: without}
		}
		return cell{value: fmt.Sprintf("%.2f bit", e.Bits),
			note: fmt.Sprintf("%s %s in use, as varied as %.1f equally frequent", group(e.Kinds), of, math.Exp2(e.Bits))}
	}
}

func sampledNote(c *Card) string {
	if d := c.Diversity; d.Sampled < c.Seeds.Measured {
		return fmt.Sprintf("; from %s questions drawn by chance", group(d.Sampled))
	}
	return ""
}
