// Command dedupe gives the dedupe stage a million questions, one in ten of
// them an earlier one in other words, and prints the time it took, the peak
// memory of the process, and how many of the near duplicates it found: of
// those planted, by their similarity, and of all that brute force finds for a
// sample.
//
//	go run ./bench/dedupe -n 1000000
//
// The words are made up and as frequent as words are (Zipf), and the questions
// begin as questions do, so that many share some of their threes of words.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"seedbed/extract"
	"seedbed/extract/stage"
)

func main() {
	n := flag.Int("n", 1_000_000, "`number` of questions")
	sample := flag.Int("sample", 200, "`number` of questions to look for duplicates of by brute force")
	flag.Parse()
	if err := run(*n, *sample); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(n, sample int) error {
	made := newMaker()
	kept := make([]bool, n)
	var took time.Duration
	var d stage.Dedupe
	const together = 1000
	for from := 0; from < n; from += together {
		seeds := make([]extract.Seed, min(together, n-from))
		for i := range seeds {
			seeds[i] = extract.Seed{ID: fmt.Sprintf("%024d", from+i), Question: made.question(from + i)}
		}
		begun := time.Now()
		seeds, err := d.Do(context.Background(), extract.Passage{}, seeds)
		took += time.Since(begun)
		if err != nil {
			return err
		}
		for i := range seeds {
			kept[from+i] = seeds[i].Live()
		}
	}
	duplicates := 0
	for _, k := range kept {
		if !k {
			duplicates++
		}
	}
	fmt.Printf("%d questions: %.1f s, peak memory %s, %d duplicates\n", n, took.Seconds(), peak(), duplicates)
	planted(made, kept)
	brute(made, kept, sample)
	return nil
}

// planted prints how many of the planted duplicates were found, by the
// similarity to the question that they were made from.
func planted(made *maker, kept []bool) {
	edges := []float64{0.6, 0.65, 0.7, 0.75, 0.8, 0.9, 1.01}
	found, all := make([]int, len(edges)), make([]int, len(edges))
	for i := range kept {
		j, ok := made.origin(i)
		if !ok || !kept[j] {
			continue // the origin was a duplicate itself
		}
		same := stage.Similarity(made.question(j), made.question(i))
		if same < edges[0] {
			continue
		}
		e, _ := slices.BinarySearchFunc(edges, same, func(edge, same float64) int {
			if edge <= same {
				return -1
			}
			return 1
		})
		all[e-1]++
		if !kept[i] {
			found[e-1]++
		}
	}
	fmt.Println("planted, by Jaccard similarity:")
	for e := range edges[:len(edges)-1] {
		if all[e] > 0 {
			fmt.Printf("  %.2f–%.2f  %6d of %6d found, recall %.4f\n", edges[e], min(1, edges[e+1]), found[e], all[e], float64(found[e])/float64(all[e]))
		}
	}
}

// brute compares a sample of the questions with every one kept before them.
func brute(made *maker, kept []bool, sample int) {
	type asked struct {
		n     int
		words []uint64
		best  float64
	}
	var of []asked
	for k := range sample {
		// Half of them planted, so that there is something to find.
		i := (2*k + 1) * len(kept) / (2 * sample)
		if k%2 == 0 {
			i = i/plantEvery*plantEvery + plantEvery - 1
		}
		if i < len(kept) {
			of = append(of, asked{n: i, words: threes(made.question(i))})
		}
	}
	for j := range kept {
		if !kept[j] {
			continue
		}
		text := made.question(j)
		words := threes(text)
		for k := range of {
			if a := &of[k]; j < a.n && jaccard(a.words, words) > max(a.best, 0.5) {
				a.best = max(a.best, stage.Similarity(made.question(a.n), text))
			}
		}
	}
	there, found, wrong := 0, 0, 0
	for _, a := range of {
		switch {
		case a.best >= 0.7:
			there++
			if !kept[a.n] {
				found++
			}
		case a.best < 0.6 && !kept[a.n]:
			wrong++
		}
	}
	fmt.Printf("brute force over %d: %d are ≥ 0.7 like one kept before, %d of them found, recall %.4f; %d called duplicates that are like none\n",
		len(of), there, found, float64(found)/float64(max(1, there)), wrong)
}

// threes are hashes of each three words in a row.
func threes(text string) []uint64 {
	words := strings.Fields(strings.ToLower(strings.TrimRight(text, "?.")))
	var out []uint64
	for i := range max(1, len(words)-2) {
		h := uint64(14695981039346656037)
		for _, c := range []byte(strings.Join(words[i:min(i+3, len(words))], " ")) {
			h = (h ^ uint64(c)) * 1099511628211
		}
		out = append(out, h)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func jaccard(a, b []uint64) float64 {
	both := 0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] == b[j]:
			both++
			i++
			j++
		case a[i] < b[j]:
			i++
		default:
			j++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}

// peak is the most memory this process had, where the system says.
func peak() string {
	status, _ := os.ReadFile("/proc/self/status") // not everywhere
	_, after, ok := strings.Cut(string(status), "VmHWM:")
	if !ok {
		return "not known"
	}
	line, _, _ := strings.Cut(after, "\n")
	return strings.TrimSpace(line)
}
