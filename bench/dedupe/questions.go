package main

import (
	"math/rand/v2"
	"strings"

	"seedbed/extract/stage"
)

// One question in plantEvery is an earlier one in other words.
const plantEvery = 10

// A maker makes questions by their number, the same ones each time.
type maker struct {
	words []string  // the most frequent first
	upTo  []float64 // the share of all words in a text that these and more frequent ones are
}

var (
	openings = []string{
		"What is the", "What is the difference between", "What are the main reasons for the", "Why does the", "Why is it that the", "How does the", "How can one tell whether the",
		"How would you show that the", "Which of the", "When does the", "What happens to the", "Explain why the", "What would change if the", "Describe how the", "In what way does the",
		"According to the theory of", "What role does the", "Under which conditions does the", "Give an example of a", "Prove that every",
	}
	small = []string{"of the", "in the", "of a", "for the", "with a", "to the", "and the", "by the", "that is", "from the", "when the", "on the", "is", "are", "which", "because of the", "as a", "than the"}
)

func newMaker() *maker {
	m := &maker{}
	random := rand.New(rand.NewPCG(1, 0))
	syllables := make([]string, 0, 300)
	for _, c := range strings.Fields("b br c ch d dr f fl g gr h l m n p pr s st t tr v w") {
		for _, v := range strings.Fields("a e i o u ai ea ou") {
			syllables = append(syllables, c+v)
		}
	}
	total := 0.0
	seen := map[string]bool{}
	for len(m.words) < 60_000 {
		w := ""
		for range 1 + random.IntN(3) + random.IntN(2) {
			w += syllables[random.IntN(len(syllables))]
		}
		if w += []string{"n", "r", "s", "l", "t", ""}[random.IntN(6)]; seen[w] {
			continue
		}
		seen[w] = true
		m.words = append(m.words, w)
		total += 1 / (float64(len(m.words)) + 2.7) // Zipf's law, as Mandelbrot has it
		m.upTo = append(m.upTo, total)
	}
	for i := range m.upTo {
		m.upTo[i] /= total
	}
	return m
}

func (m *maker) word(random *rand.Rand) string {
	at := random.Float64()
	low, high := 0, len(m.upTo)-1
	for low < high {
		if mid := (low + high) / 2; m.upTo[mid] < at {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return m.words[low]
}

// question is the i-th.
func (m *maker) question(i int) string {
	random := rand.New(rand.NewPCG(2, uint64(i)))
	if _, planted := m.origin(i); !planted {
		return m.fresh(random)
	}
	j, _ := m.origin(i)
	return m.reworded(m.question(j), random)
}

// origin is the question that the i-th is made from, if it is planted.
func (m *maker) origin(i int) (int, bool) {
	if i%plantEvery != plantEvery-1 {
		return 0, false
	}
	j := rand.New(rand.NewPCG(3, uint64(i))).IntN(i)
	if j%plantEvery == plantEvery-1 {
		j--
	}
	return j, true
}

func (m *maker) fresh(random *rand.Rand) string {
	words := []string{openings[random.IntN(len(openings))]}
	for range 3 + random.IntN(8) {
		words = append(words, m.word(random))
		if random.IntN(5) < 3 {
			words = append(words, small[min(random.IntN(len(small)), random.IntN(len(small)))])
		}
	}
	words = append(words, m.word(random))
	switch random.IntN(12) {
	case 0:
		words = append(words, []string{"in 1848", "by 12 percent", "at 300 K", "for n = 2", "within 7 days"}[random.IntN(5)])
	case 1:
		words = append(words, "in", []string{"Europe", "Newton's", "Germany", "Gauss's"}[random.IntN(4)], m.word(random))
	}
	return strings.Join(words, " ") + "?"
}

// reworded changes words until about seven in ten threes of words are left.
func (m *maker) reworded(q string, random *rand.Rand) string {
	best, off := q, 1.0
	for range 12 {
		words := strings.Fields(strings.TrimSuffix(q, "?"))
		for range 1 + random.IntN(2) {
			switch at := 1 + random.IntN(len(words)-1); random.IntN(4) {
			case 0:
				words[at] = m.word(random)
			case 1:
				words = append(words[:at], words[at+1:]...)
			case 2:
				words = append(words[:at], append([]string{m.word(random)}, words[at:]...)...)
			default:
				words = append(words, m.word(random), m.word(random))
			}
		}
		other := strings.Join(words, " ") + "?"
		same := stage.Similarity(q, other)
		if d := max(same, 0.72) - min(same, 0.72); d < off {
			best, off = other, d
		}
	}
	return best
}
