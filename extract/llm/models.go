package llm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Models lists the names of the models the server offers, sorted. It asks
// once and waits at most half a minute.
func (c *Client) Models(ctx context.Context) ([]string, error) {
	if c.bad != nil {
		return nil, c.bad
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := c.request(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return nil, err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return nil, &Error{Kind: Unavailable, Message: fmt.Sprintf("%s broke off its list of models", c.host), Err: err}
	}
	if res.StatusCode != http.StatusOK {
		return nil, c.fault("", res.StatusCode, res.Header, data)
	}
	type model struct {
		ID string `json:"id"`
	}
	var list struct {
		Data []model `json:"data"`
	}
	if err := json.Unmarshal(data, &list); err != nil && json.Unmarshal(data, &list.Data) != nil { // some send the bare list
		return nil, &Error{Kind: Invalid, Message: fmt.Sprintf("%s sent something other than a list of models: does the URL end in /v1?", c.host), Err: err}
	}
	names := []string{}
	for _, m := range list.Data {
		if name := clean(m.ID); name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// ErrUnchosen is that a model has to be named, for the server has several or
// lists none.
var ErrUnchosen = errors.New("no model is chosen")

// OnlyModel is the model of a server that has one alone, as llama-server has.
// Where there are more, or none, the error is ErrUnchosen and names what there
// is to choose from.
func (c *Client) OnlyModel(ctx context.Context) (string, error) {
	names, err := c.Models(ctx)
	switch {
	case err != nil:
		return "", err
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0:
		return "", &Error{Kind: Invalid, Message: "no model is chosen, and " + c.host + " lists none", Err: ErrUnchosen}
	}
	const shown = 5
	first := strings.Join(names[:min(shown, len(names))], ", ")
	if more := len(names) - shown; more > 0 {
		first += fmt.Sprintf(" and %d more", more)
	}
	return "", &Error{Kind: Invalid, Message: fmt.Sprintf("no model is chosen of the %d at %s: %s", len(names), c.host, first), Err: ErrUnchosen}
}
