package stage_test

import (
	"context"
	"fmt"

	"seedbed/extract"
	"seedbed/extract/read/markdown"
	"seedbed/extract/stage"
)

func ExampleHarvest() {
	doc := markdown.Parse(`# Counting

**Exercise 1.** How many subsets has a set of three elements?

## Solutions

**Exercise 1.** Each element is in or out: $2^3 = 8$.
`)
	p := extract.Passage{Doc: doc, Locator: extract.Locator{End: doc.Blocks[1].End}, Last: 2}
	seeds, err := stage.Harvest{}.Do(context.Background(), p, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range seeds {
		fmt.Println(s.Question)
		fmt.Println(s.Answer)
		fmt.Printf("%q\n", doc.Slice(s.Evidence[1].Start, s.Evidence[1].End))
	}
	// Output:
	// How many subsets has a set of three elements?
	// Each element is in or out: $2^3 = 8$.
	// "Each element is in or out: $2^3 = 8$."
}

func ExampleParse() {
	_, err := stage.Parse([]byte(`name: mine
stages:
  - harvest
  - derive:
      max_pair: 3
`))
	fmt.Println(err)
	// Output:
	// recipe mine line 5: stage derive has nothing called "max_pair", did you mean "max_pairs"?; it has max_pairs, vary, hard, passages, system, prompt, model, temperature, top_p, max_tokens, prompts
}

func ExampleBuild() {
	recipe, _ := stage.Lookup("explicit")
	stages, err := stage.Build(recipe, stage.Tools{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range stages {
		fmt.Println(s.Name())
	}
	// Output:
	// harvest
	// ground
	// standalone
	// dedupe
}
