package api

import (
	"encoding/json"
	"fmt"
	"net/url"

	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

// values are a parameter's values written in JSON: a string, a number or a list of
// them, as it would stand in the query.
type values []string

func (a *values) UnmarshalJSON(data []byte) error {
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		return err
	}
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, v := range list {
		switch v.(type) {
		case string, float64, bool:
			*a = append(*a, fmt.Sprint(v))
		default:
			return fmt.Errorf("%s is neither a string, a number nor a list of them", data)
		}
	}
	return nil
}

// bulkFilter reads a filter written as a JSON object.
func bulkFilter(in map[string]values) (seedbed.Filter, error) {
	v := url.Values{}
	for name, list := range in {
		v[name] = list
	}
	return query.Filter(v)
}
