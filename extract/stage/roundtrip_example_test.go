package stage_test

import (
	"context"
	"fmt"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
	"seedbed/extract/stage"
)

// A second answer that differs from the seed's rejects it.
func ExampleRoundtrip() {
	server := llmtest.New(nil, llmtest.Script{Answer: func(llmtest.Request) string {
		return `{"reasoning": "The text says so.", "answer": "It is 54 metres deep.", "short_answer": "54 m"}`
	}})
	defer server.Close()
	r := &stage.Roundtrip{Asking: stage.Asking{Model: llm.New(llm.Options{URL: server.URL, Model: "any"})}}
	p := extract.Passage{Text: "The well of Orvieto is 54 m deep."}
	seeds, err := r.Do(context.Background(), p, []extract.Seed{
		{Question: "How deep is the well of Orvieto?", Answer: "It is 54 m deep.", ShortAnswer: "54 m", Origin: extract.Derived},
		{Question: "How deep is Orvieto's well?", Answer: "It is 45 m deep.", ShortAnswer: "45 m", Origin: extract.Derived},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range seeds {
		fmt.Println(s.Checks[0].Verdict, s.Checks[0].Reason)
	}
	// Output:
	// pass the answers are equal
	// fail the passage leads to another answer: “54 m” (the results differ)
}
