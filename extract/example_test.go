package extract_test

import (
	"context"
	"fmt"

	"seedbed/extract"
	"seedbed/extract/chunk"
	"seedbed/extract/read/markdown"
	"seedbed/extract/stage"
)

// Another program reads a text, cuts it, and runs the stages of a recipe over
// it: no server, no database. With an [llm.Client] as Tools.Model, the recipe
// "quick" derives more.
func Example() {
	doc := markdown.Parse(`# Counting

**Exercise 1.** How many subsets has a set of three elements?

**Solution.** Each element is in or out, so there are $2^3 = 8$.
`)
	recipe, _ := stage.Lookup("explicit")
	stages, err := stage.Build(recipe, stage.Tools{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for result := range extract.Run(context.Background(), chunk.Split(doc, chunk.Options{}), stages, extract.Options{}) {
		for _, seed := range result.Seeds {
			fmt.Printf("%s\n%s\n%s, %s\n", seed.Question, seed.Answer, seed.Verdict, result.Entry().Outcome)
		}
	}
	// Output:
	// How many subsets has a set of three elements?
	// Each element is in or out, so there are $2^3 = 8$.
	// draft, seeds
}
