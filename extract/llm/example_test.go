package llm_test

import (
	"context"
	"fmt"
	"os"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

// Ask for JSON, keep the reply in a folder, and ask again for nothing.
func Example() {
	server := llmtest.New(nil, llmtest.Script{})
	defer server.Close()
	folder, err := os.MkdirTemp("", "replies")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = os.RemoveAll(folder) }()

	client := llm.New(llm.Options{URL: server.URL, Model: "scripted", Concurrency: 2})
	defer client.Close()
	model := llm.Cached(client, llm.Dir(folder))
	request := extract.Request{
		Messages: []extract.Message{{Role: "user", Content: "What is said here?\n<passage>\nBees see ultraviolet light, and many flowers show them patterns in it.\n</passage>"}},
		Schema:   []byte(`{"type": "object", "properties": {"answer": {"type": "string"}, "question": {"type": "string"}}, "required": ["answer"]}`),
	}
	for range 2 {
		reply, err := model.Complete(context.Background(), request)
		fmt.Println(reply.Cached, reply.Text, err)
	}
	// Output:
	// false {"answer":"Bees see ultraviolet light, and many flowers show them patterns in it.","question":"What do patterns and flowers tell about Bees see ultraviolet light?"} <nil>
	// true {"answer":"Bees see ultraviolet light, and many flowers show them patterns in it.","question":"What do patterns and flowers tell about Bees see ultraviolet light?"} <nil>
}
