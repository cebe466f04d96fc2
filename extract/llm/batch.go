package llm

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"time"

	"seedbed/extract"
)

// What one batch may hold, by OpenAI's rules.
const (
	MaxBatch      = 50_000    // requests
	MaxBatchBytes = 200 << 20 // of its file
)

// A BatchFile collects the requests of a batch, all for one model. Close it
// when it is not needed any more.
type BatchFile struct {
	c     *Client
	f     *os.File
	w     *bufio.Writer
	model string
	n     int
	size  int64
}

// NewBatch begins a batch, in a temporary file.
func (c *Client) NewBatch() (*BatchFile, error) {
	f, err := os.CreateTemp("", "seedbed-batch-*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("begin a batch: %w", err)
	}
	return &BatchFile{c: c, f: f, w: bufio.NewWriter(f)}, nil
}

// Len is how many requests the batch has.
func (b *BatchFile) Len() int { return b.n }

// Add adds a request under its Key and reports whether there was room: a
// batch holds MaxBatch requests, MaxBatchBytes, and one model.
func (b *BatchFile) Add(r extract.Request) (bool, error) {
	if r.Model == "" {
		r.Model = b.c.opts.Model
	}
	if b.n == 0 {
		b.model = r.Model
	}
	p := b.c.plan(r)
	p.noStream = true
	body, err := p.body(r)
	if err != nil {
		return false, &Error{Kind: Invalid, Message: fmt.Sprintf("schema %s is not JSON: %v", r.SchemaName, err), Err: err}
	}
	line, err := json.Marshal(batchLine{ID: Key(r), Method: http.MethodPost, URL: batchEndpoint, Body: body})
	if err != nil {
		return false, err
	}
	if b.n == MaxBatch || b.size+int64(len(line))+1 > MaxBatchBytes || r.Model != b.model {
		return false, nil
	}
	b.n++
	b.size += int64(len(line)) + 1
	_, err = b.w.Write(append(line, '\n'))
	return true, err
}

// Close removes the file.
func (b *BatchFile) Close() error {
	return errors.Join(b.f.Close(), os.Remove(b.f.Name()))
}

const batchEndpoint = "/v1/chat/completions"

type batchLine struct {
	ID     string          `json:"custom_id"`
	Method string          `json:"method"`
	URL    string          `json:"url"`
	Body   json.RawMessage `json:"body"`
}

// A Batch is how far a server has come with one.
type Batch struct {
	ID       string
	Status   string // validating, failed, in_progress, finalizing, completed, expired, cancelling, cancelled
	Name     string // it was sent under
	Total    int    // requests
	Done     int
	Failed   int
	Problem  string    // why it failed, in the server's words
	Created  time.Time //
	Expires  time.Time // when the server gives up
	answered string    // files
	refused  string
}

// Ended reports whether nothing more will happen to the batch.
func (b Batch) Ended() bool {
	switch b.Status {
	case "completed", "failed", "expired", "cancelled":
		return true
	}
	return false
}

type batchObject struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Errors *struct {
		Data []struct {
			Message string `json:"message"`
			Line    *int   `json:"line"`
		} `json:"data"`
	} `json:"errors"`
	Output   string `json:"output_file_id"`
	Error    string `json:"error_file_id"`
	Created  int64  `json:"created_at"`
	Expires  int64  `json:"expires_at"`
	Requests struct {
		Total     int `json:"total"`
		Completed int `json:"completed"`
		Failed    int `json:"failed"`
	} `json:"request_counts"`
	Metadata map[string]string `json:"metadata"`
}

func (c *Client) batch(o batchObject) Batch {
	b := Batch{
		ID: o.ID, Status: o.Status, Name: o.Metadata[batchName], Total: o.Requests.Total, Done: o.Requests.Completed, Failed: o.Requests.Failed,
		Created: time.Unix(o.Created, 0), Expires: time.Unix(o.Expires, 0), answered: o.Output, refused: o.Error,
	}
	if o.Errors != nil && len(o.Errors.Data) > 0 {
		first := o.Errors.Data[0]
		b.Problem = c.redact(clip(clean(first.Message), 300))
		if first.Line != nil {
			b.Problem += fmt.Sprintf(" (line %d)", *first.Line)
		}
	}
	return b
}

// batchName is the metadata field that has a batch's name.
const batchName = "seedbed"

// Send uploads the batch and starts it, to be answered within a day. It is
// sent under a name by which FindBatch finds it should its id be lost. It is
// tried once; the error is an *Error, or the context's.
func (b *BatchFile) Send(ctx context.Context, name string) (Batch, error) {
	if err := b.w.Flush(); err != nil {
		return Batch{}, fmt.Errorf("write the batch: %w", err)
	}
	if _, err := b.f.Seek(0, io.SeekStart); err != nil {
		return Batch{}, fmt.Errorf("read the batch again: %w", err)
	}
	// The form around the file, so that its length is known beforehand.
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.WriteField("purpose", "batch"); err != nil {
		return Batch{}, err
	}
	if _, err := w.CreateFormFile("file", "seedbed.jsonl"); err != nil {
		return Batch{}, err
	}
	head := form.Len()
	if err := w.Close(); err != nil {
		return Batch{}, err
	}
	body := io.MultiReader(bytes.NewReader(form.Bytes()[:head]), b.f, bytes.NewReader(form.Bytes()[head:]))
	var file struct {
		ID string `json:"id"`
	}
	if err := b.c.exchange(ctx, http.MethodPost, "/files", w.FormDataContentType(), body, int64(form.Len())+b.size, &file); err != nil {
		return Batch{}, err
	}
	order, err := json.Marshal(map[string]any{
		"input_file_id": file.ID, "endpoint": batchEndpoint, "completion_window": "24h",
		"metadata": map[string]string{batchName: name},
	})
	if err != nil {
		return Batch{}, err
	}
	var o batchObject
	err = b.c.exchange(ctx, http.MethodPost, "/batches", "application/json", bytes.NewReader(order), int64(len(order)), &o)
	return b.c.batch(o), err
}

// Batch asks how far a batch has come.
func (c *Client) Batch(ctx context.Context, id string) (Batch, error) {
	var o batchObject
	err := c.exchange(ctx, http.MethodGet, "/batches/"+url.PathEscape(id), "", nil, 0, &o)
	return c.batch(o), err
}

// FindBatch looks for a batch by its name among the hundred newest.
func (c *Client) FindBatch(ctx context.Context, name string) (Batch, bool, error) {
	var list struct {
		Data []batchObject `json:"data"`
	}
	if err := c.exchange(ctx, http.MethodGet, "/batches?limit=100", "", nil, 0, &list); err != nil {
		return Batch{}, false, err
	}
	for _, o := range list.Data {
		if b := c.batch(o); b.Name == name {
			return b, true, nil
		}
	}
	return Batch{}, false, nil
}

// CancelBatch gives a batch up. What is answered by then is still there.
func (c *Client) CancelBatch(ctx context.Context, id string) error {
	return c.exchange(ctx, http.MethodPost, "/batches/"+url.PathEscape(id)+"/cancel", "", nil, 0, nil)
}

// CanBatch is an error in plain words where the server takes no batches.
func (c *Client) CanBatch(ctx context.Context) error {
	var list struct {
		Object string `json:"object"`
	}
	err := c.exchange(ctx, http.MethodGet, "/batches?limit=1", "", nil, 0, &list)
	e, ok := errors.AsType[*Error](err)
	switch {
	case err == nil && list.Object == "list":
		return nil
	case err == nil, ok && (e.Kind == NotFound || e.Kind == Invalid || e.Status == http.StatusMethodNotAllowed):
		return &Error{Kind: Invalid, Message: c.host + " has no batch interface: start the run without it", Err: err}
	}
	return err
}

// Replies reads what a batch brought, in the order the server gives it. For
// every request that it says something about, each is called with its key and
// the reply, checked like one of Complete's, or with an *Error that says why
// there is none. Request returns what was asked under a key, false for none
// of ours. Requests that the batch expired or was cancelled over are left out.
//
// A reply costs half.
func (c *Client) Replies(ctx context.Context, b Batch, request func(key string) (extract.Request, bool, error), each func(key string, reply extract.Reply, err error) error) error {
	for _, file := range []string{b.answered, b.refused} {
		if file == "" {
			continue
		}
		if err := c.download(ctx, file, func(line []byte) error {
			var out batchResult
			if err := json.Unmarshal(line, &out); err != nil {
				return &Error{Kind: Invalid, Message: fmt.Sprintf("%s sent a batch's results in a form we cannot read: %v", c.host, err), Err: err}
			}
			if out.Response == nil && out.Error != nil && (out.Error.Code == "batch_expired" || out.Error.Code == "batch_cancelled") {
				return nil
			}
			r, ok, err := request(out.ID)
			if err != nil || !ok {
				return err
			}
			reply, err := c.batchReply(r, out)
			return each(out.ID, reply, err)
		}); err != nil {
			return err
		}
	}
	return nil
}

type batchResult struct {
	ID       string `json:"custom_id"`
	Response *struct {
		Status int             `json:"status_code"`
		Body   json.RawMessage `json:"body"`
	} `json:"response"`
	Error *struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

func (c *Client) batchReply(r extract.Request, out batchResult) (extract.Reply, error) {
	switch {
	case out.Response == nil && out.Error != nil:
		return extract.Reply{}, &Error{Kind: Unavailable, Message: c.redact(clip(clean(out.Error.Message), 300))}
	case out.Response == nil:
		return extract.Reply{}, &Error{Kind: Invalid, Message: c.host + " sent neither a reply nor an error"}
	case out.Response.Status != http.StatusOK:
		return extract.Reply{}, c.fault(r.Model, out.Response.Status, nil, out.Response.Body)
	}
	a := answer{max: c.opts.MaxReply}
	err := a.body(bytes.NewReader(out.Response.Body))
	if f, ok := errors.AsType[faultError](err); ok {
		return extract.Reply{}, c.fault(r.Model, http.StatusOK, nil, f)
	}
	if err != nil {
		return extract.Reply{}, err
	}
	a.usage.Cost = a.usage.Tokens().Cost(c.opts.PriceIn, c.opts.PriceOut) / 2
	reply, err := c.judge(r, &a)
	if err != nil {
		return extract.Reply{}, err
	}
	wrong := &Error{Raw: reply.Raw, Usage: reply.Usage}
	if reply.FinishReason == "length" {
		wrong.Kind, wrong.Message = Truncated, fmt.Sprintf("the reply of %s does not fit", r.Model)
		return extract.Reply{}, wrong
	}
	if r.Schema == nil {
		return reply, nil
	}
	f, err := c.form(r.Schema)
	if err == nil {
		reply.Text, err = f.read(reply)
	}
	if err != nil {
		wrong.Kind, wrong.Message = Malformed, fmt.Sprintf("the reply of %s is not what was asked for: %v", r.Model, err)
		return extract.Reply{}, wrong
	}
	return reply, nil
}

// download reads a file of the server's line by line.
func (c *Client) download(ctx context.Context, id string, each func(line []byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeouts.Total)
	defer cancel()
	res, err := c.call(ctx, http.MethodGet, "/files/"+url.PathEscape(id)+"/content", "", nil, 0)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(make([]byte, 0, 64<<10), 6*c.opts.MaxReply+1<<20)
	for lines.Scan() {
		if line := bytes.TrimSpace(lines.Bytes()); len(line) > 0 {
			if err := each(line); err != nil {
				return err
			}
		}
	}
	if err := lines.Err(); err != nil {
		return c.unreachable(fmt.Errorf("it broke off a batch's results: %w", err))
	}
	return nil
}

// exchange sends a request once and decodes the answer, unless into is nil.
func (c *Client) exchange(ctx context.Context, method, path, kind string, body io.Reader, length int64, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeouts.Total)
	defer cancel()
	res, err := c.call(ctx, method, path, kind, body, length)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return c.unreachable(err)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return &Error{Kind: Invalid, Message: fmt.Sprintf("%s answered %s with something we cannot read: %s", c.host, path, clip(clean(c.redact(string(data))), 200)), Err: err}
	}
	return nil
}

// call sends a request once. A response has the status 200 or 201.
func (c *Client) call(ctx context.Context, method, path, kind string, body io.Reader, length int64) (*http.Response, error) {
	if c.bad != nil {
		return nil, c.bad
	}
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	if body != nil {
		req.ContentLength = length
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusCreated {
		defer func() { _ = res.Body.Close() }()
		said, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
		e := c.fault("", res.StatusCode, res.Header, said)
		if e.Kind == NotFound {
			e.Message = fmt.Sprintf("%s knows no %s (404): %s", c.host, path, c.redact(clip(clean(readComplaint(said).words), 300)))
		}
		return nil, e
	}
	return res, nil
}
