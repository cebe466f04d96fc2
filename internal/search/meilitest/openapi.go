package meilitest

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	validation "github.com/pb33f/libopenapi-validator/errors"
)

//go:embed testdata/meilisearch-openapi-1.53.json.gz
var compressed []byte

// official is the makers' description of their server, read once.
var official = sync.OnceValues(func() (validator.Validator, error) {
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if data, err = correct(data); err != nil {
		return nil, err
	}
	doc, err := libopenapi.NewDocument(data)
	if err != nil {
		return nil, err
	}
	// Formats are left out: the document has some of its own, as u-int32.
	v, errs := validator.NewValidator(doc, config.WithoutSecurityValidation())
	return v, errors.Join(errs...)
})

// correct mends what the document says otherwise than the server and the
// makers' own manual: facets are a list of names, and a multi-search that is
// not federated answers with a list of results.
func correct(data []byte) ([]byte, error) {
	var doc struct {
		Rest       map[string]json.RawMessage `json:"-"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	for name, better := range map[string]string{
		"AttributePatterns":     `{"type": "array", "items": {"type": "string"}}`,
		"FederatedSearchResult": string(doc.Components.Schemas["SearchResults"]),
	} {
		worse, ok := doc.Components.Schemas[name]
		if !ok || bytes.Count(data, worse) != 1 {
			return nil, fmt.Errorf("the OpenAPI document has no schema %s to correct", name)
		}
		data = bytes.Replace(data, worse, []byte(better), 1)
	}
	return data, nil
}

// check returns what is wrong with a request.
func check(r *http.Request, body []byte) error {
	v, err := official()
	if err != nil {
		return err
	}
	_, errs := v.ValidateHttpRequestSync(again(r, body))
	return said(errs)
}

// checkReply returns what is wrong with an answer.
func checkReply(r *http.Request, body []byte, status int, reply []byte) error {
	v, err := official()
	if err != nil {
		return err
	}
	_, errs := v.ValidateHttpResponse(again(r, body), &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(bytes.NewReader(reply)),
	})
	return said(errs)
}

// again is the request with its body, which the document knows at this host.
func again(r *http.Request, body []byte) *http.Request {
	c := r.Clone(r.Context())
	c.URL.Scheme, c.URL.Host, c.Host = "http", "localhost:7700", "localhost:7700"
	c.Body = io.NopCloser(bytes.NewReader(body))
	return c
}

func said(errs []*validation.ValidationError) error {
	var all []string
	for _, e := range errs {
		all = append(all, e.Message+": "+e.Reason)
		for _, s := range e.SchemaValidationErrors {
			all = append(all, "  "+s.FieldPath+" "+s.Reason)
		}
	}
	if all == nil {
		return nil
	}
	return errors.New(strings.Join(all, "\n"))
}
