package llm_test

import (
	"fmt"
	"strings"
	"testing"

	"seedbed/extract"
	"seedbed/extract/llm"
	"seedbed/extract/llm/llmtest"
)

// batched sends requests as one batch and looks at it until it has ended.
func batched(t *testing.T, c *llm.Client, requests []extract.Request) (end llm.Batch, replies map[string]extract.Reply, failures map[string]error) {
	t.Helper()
	b, err := c.NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	asked := map[string]extract.Request{}
	for _, r := range requests {
		if ok, err := b.Add(r); !ok || err != nil {
			t.Fatalf("Add gives %v, %v", ok, err)
		}
		r.Model = "scripted"
		asked[llm.Key(r)] = r
	}
	end, err = b.Send(t.Context(), "mine")
	if err != nil {
		t.Fatal(err)
	}
	if found, ok, err := c.FindBatch(t.Context(), "mine"); err != nil || !ok || found.ID != end.ID {
		t.Errorf("FindBatch gives %+v, %v, %v; want %s", found, ok, err, end.ID)
	}
	for looks := 0; !end.Ended(); looks++ {
		if end, err = c.Batch(t.Context(), end.ID); err != nil || looks > 10 {
			t.Fatalf("Batch gives %+v, %v", end, err)
		}
	}
	replies, failures = map[string]extract.Reply{}, map[string]error{}
	err = c.Replies(t.Context(), end, func(key string) (extract.Request, bool, error) {
		r, ok := asked[key]
		return r, ok, nil
	}, func(key string, reply extract.Reply, err error) error {
		if err != nil {
			failures[asked[key].Messages[1].Content[:1]] = err
		} else {
			replies[asked[key].Messages[1].Content[:1]] = reply
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return end, replies, failures
}

func letters(n int) []extract.Request {
	var out []extract.Request
	for i := range n {
		out = append(out, request(fmt.Sprintf("%c", 'a'+i)))
	}
	return out
}

func TestBatch(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{Key: key, Batches: &llmtest.Batches{Looks: 3}, Rules: []llmtest.Rule{
		{Fault: llmtest.ServerError, Text: "c\n"}, {Fault: llmtest.Prose, Text: "d\n"}, {Fault: llmtest.Refusal, Text: "e\n"}, {Fault: llmtest.Length, Text: "f\n"},
	}})
	c, _ := newClient(t, srv, func(o *llm.Options) { o.PriceIn, o.PriceOut = 2e6, 4e6 })
	if err := c.CanBatch(t.Context()); err != nil {
		t.Fatalf("CanBatch: %v", err)
	}
	end, replies, failures := batched(t, c, letters(8))
	if end.Status != "completed" || end.Total != 8 || end.Done != 7 || end.Failed != 1 || end.Name != "mine" {
		t.Errorf("the batch ends as %+v", end)
	}
	for _, name := range []string{"a", "b", "g", "h"} {
		checkReply(t, replies[name])
		if u := replies[name].Usage; u.Cost != float64(u.In)+2*float64(u.Out) {
			t.Errorf("reply %s cost %g for %+v; want half the price", name, u.Cost, u)
		}
	}
	for name, kind := range map[string]string{"c": llm.Unavailable, "d": llm.Malformed, "e": llm.Refusal, "f": llm.Truncated} {
		if llm.Kind(failures[name]) != kind {
			t.Errorf("request %s: %v; want the kind %s", name, failures[name], kind)
		}
	}
	if len(replies) != 4 || len(failures) != 4 {
		t.Errorf("%d replies and %d failures; want 4 and 4", len(replies), len(failures))
	}
}

func TestBatchEndsBadly(t *testing.T) {
	t.Run("expired", func(t *testing.T) {
		srv := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{Expire: 3}})
		c, _ := newClient(t, srv, nil)
		end, replies, failures := batched(t, c, letters(8))
		if end.Status != "expired" || len(replies) != 3 || len(failures) != 0 {
			t.Errorf("the batch ends as %+v with %d replies and %d failures; want it expired with 3 and 0", end, len(replies), len(failures))
		}
	})
	t.Run("failed", func(t *testing.T) {
		srv := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{Invalid: "the model is not available in batches"}})
		c, _ := newClient(t, srv, nil)
		end, replies, _ := batched(t, c, letters(2))
		if end.Status != "failed" || !strings.Contains(end.Problem, "not available in batches (line 1)") || len(replies) != 0 {
			t.Errorf("the batch ends as %+v", end)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		srv := llmtest.New(t, llmtest.Script{Batches: &llmtest.Batches{Looks: 1000}})
		c, _ := newClient(t, srv, nil)
		b, err := c.NewBatch()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close() }()
		if _, err := b.Add(request("a")); err != nil {
			t.Fatal(err)
		}
		sent, err := b.Send(t.Context(), "mine")
		if err != nil {
			t.Fatal(err)
		}
		if err := c.CancelBatch(t.Context(), sent.ID); err != nil {
			t.Fatal(err)
		}
		if end, err := c.Batch(t.Context(), sent.ID); err != nil || end.Status != "cancelled" {
			t.Errorf("after CancelBatch the batch is %+v, %v", end, err)
		}
	})
	t.Run("no batches", func(t *testing.T) {
		srv := llmtest.New(t, llmtest.Script{})
		c, _ := newClient(t, srv, nil)
		if err := c.CanBatch(t.Context()); llm.Kind(err) != llm.Invalid || !strings.Contains(err.Error(), "has no batch interface") {
			t.Errorf("CanBatch: %v", err)
		}
	})
}

// TestBatchIsOfOneModel: what does not belong into a batch is left for the
// next.
func TestBatchIsOfOneModel(t *testing.T) {
	srv := llmtest.New(t, llmtest.Script{})
	c, _ := newClient(t, srv, nil)
	b, err := c.NewBatch()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	other := request("b")
	other.Model = "another"
	for i, r := range []extract.Request{request("a"), other, request("c")} {
		if ok, err := b.Add(r); ok != (i != 1) || err != nil {
			t.Errorf("Add of request %d gives %v, %v", i, ok, err)
		}
	}
	if b.Len() != 2 {
		t.Errorf("the batch has %d requests, want 2", b.Len())
	}
}
