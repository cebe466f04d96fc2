package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"seedbed/extract"
	"seedbed/internal/seedbed"
	"seedbed/web/query"
)

// runCalls lists the calls about a passage of a run.
func (s *server) runCalls(c echo.Context) error {
	if err := query.Only(c.QueryParams(), "passage"); err != nil {
		return err
	}
	ordinal, err := strconv.Atoi(c.QueryParam("passage"))
	if err != nil {
		return query.Wrong("passage", "%q is not the ordinal of a passage", c.QueryParam("passage"))
	}
	list, err := s.lib.Calls(c.Request().Context(), c.Param("id"), ordinal)
	return sendCalls(c, list, err)
}

// seedCalls lists the calls about the passage a seed was found in.
func (s *server) seedCalls(c echo.Context) error {
	list, err := s.lib.SeedCalls(c.Request().Context(), c.Param("id"))
	return sendCalls(c, list, err)
}

// A linkedCall says where it can be read whole.
type linkedCall struct {
	seedbed.Call
	URL string `json:"url"`
}

func linked(c seedbed.Call) linkedCall { return linkedCall{c, Prefix + "/calls/" + c.ID} }

func sendCalls(c echo.Context, list []seedbed.Call, err error) error {
	if err != nil {
		return err
	}
	out := make([]linkedCall, len(list))
	for i, call := range list {
		out[i] = linked(call)
	}
	return c.JSON(http.StatusOK, map[string]any{"calls": out})
}

// call is one call whole. A schema is sent as JSON, not as bytes.
func (s *server) call(c echo.Context) error {
	call, err := s.lib.Call(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	type request struct {
		*extract.Request
		Schema json.RawMessage `json:"schema,omitempty"`
	}
	out := struct {
		linkedCall
		Request *request       `json:"request"` // null where it is not kept any more
		Answer  *extract.Reply `json:"answer"`  // null where the call failed
		Raw     string         `json:"raw"`
	}{linkedCall: linked(call), Answer: call.Answer, Raw: call.Raw}
	if call.Request != nil {
		out.Request = &request{Request: call.Request}
		if json.Valid(call.Request.Schema) {
			out.Request.Schema = call.Request.Schema
		}
	}
	return c.JSON(http.StatusOK, out)
}

// A failure says where its calls are listed.
type failure struct {
	seedbed.RunPassage
	Calls string `json:"calls"`
}

func failed(p seedbed.RunPassage) failure {
	return failure{p, fmt.Sprintf("%s/runs/%s/calls?passage=%d", Prefix, p.Run, p.Ordinal)}
}
