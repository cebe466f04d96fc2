package jobs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"seedbed/extract/llm"
	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// EnvEndpoint is the id of the model server that the environment names.
const EnvEndpoint = "env"

// endpoints lists all model servers with their keys, the environment's first.
// One of them is the default, if there is any.
func (s *Service) endpoints(ctx context.Context) ([]seedbed.Endpoint, error) {
	list, err := s.DB.Endpoints(ctx)
	if err != nil {
		return nil, err
	}
	if s.Env != nil {
		list = append([]seedbed.Endpoint{*s.Env}, list...)
	}
	isDefault := func(e seedbed.Endpoint) bool { return e.Default }
	if len(list) > 0 && !slices.ContainsFunc(list, isDefault) {
		list[0].Default = true
	}
	return list, nil
}

// endpoint is one model server with its key.
func (s *Service) endpoint(ctx context.Context, db interface {
	Endpoint(ctx context.Context, id string) (seedbed.Endpoint, error)
}, id string) (seedbed.Endpoint, error) {
	if id != EnvEndpoint {
		return db.Endpoint(ctx, id)
	}
	if s.Env == nil {
		return seedbed.Endpoint{}, seedbed.Errorf(seedbed.NotFound, "the environment names no model server")
	}
	return *s.Env, nil
}

// choose is the endpoint with an id, the default one for "".
func (s *Service) choose(ctx context.Context, id string) (seedbed.Endpoint, error) {
	if id != "" {
		return s.endpoint(ctx, s.DB, id)
	}
	list, err := s.endpoints(ctx)
	if err != nil {
		return seedbed.Endpoint{}, err
	}
	for _, e := range list {
		if e.Default {
			return e, nil
		}
	}
	return seedbed.Endpoint{}, seedbed.Errorf(seedbed.NotFound, "no model server is connected")
}

// Endpoints lists the model servers, without their keys.
func (s *Service) Endpoints(ctx context.Context) ([]seedbed.Endpoint, error) {
	list, err := s.endpoints(ctx)
	for i := range list {
		list[i].Key = ""
	}
	return list, err
}

// SaveEndpoint adds a model server, or changes the one with its ID. An empty
// Key keeps the stored one if the URL stays the same: a key goes nowhere but
// where it was entered for.
func (s *Service) SaveEndpoint(ctx context.Context, e seedbed.Endpoint) (seedbed.Endpoint, error) {
	if e.ID == EnvEndpoint {
		return e, seedbed.Errorf(seedbed.Invalid, "this model server is set by the environment (SEEDBED_LLM_URL): change it there, or add another")
	}
	e.Name, e.URL, e.Key, e.Model = strings.TrimSpace(e.Name), strings.TrimSpace(e.URL), strings.TrimSpace(e.Key), strings.TrimSpace(e.Model)
	u, err := url.Parse(e.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return e, seedbed.Errorf(seedbed.Invalid, "the URL has to look like http://localhost:11434/v1")
	}
	if e.Name == "" {
		e.Name = u.Host
	}
	if e.Concurrency == 0 {
		e.Concurrency = defaultConcurrency
	}
	if e.Concurrency < 1 || e.Concurrency > maxConcurrency {
		return e, seedbed.Errorf(seedbed.Invalid, "requests at once have to be between 1 and %d", maxConcurrency)
	}
	if e.RPM < 0 || e.TPM < 0 || e.PriceIn < 0 || e.PriceOut < 0 {
		return e, seedbed.Errorf(seedbed.Invalid, "limits and prices cannot be negative; 0 is none")
	}
	added := e.ID == ""
	err = s.DB.Update(ctx, func(tx *store.Tx) error {
		if added {
			e.ID, e.Created = store.NewID(s.Now()), s.Now().UTC()
			return tx.SaveEndpoint(ctx, e)
		}
		old, err := tx.Endpoint(ctx, e.ID)
		if err != nil {
			return err
		}
		if e.Key == "" && e.URL == old.URL {
			e.Key = old.Key
		}
		e.Created = old.Created
		return tx.SaveEndpoint(ctx, e)
	})
	if err != nil {
		return e, err
	}
	if added {
		if err := s.serve(ctx, e); err != nil {
			return e, err
		}
	}
	e.HasKey, e.Key = e.Key != "", ""
	return e, nil
}

// DeleteEndpoint forgets a model server and its key. Runs that use it are
// paused.
func (s *Service) DeleteEndpoint(ctx context.Context, id string) error {
	if id == EnvEndpoint {
		return seedbed.Errorf(seedbed.Invalid, "this model server is set by the environment (SEEDBED_LLM_URL): remove it there")
	}
	if err := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.DeleteEndpoint(ctx, id) }); err != nil {
		return err
	}
	return s.pauseOrphans(ctx)
}

// pauseOrphans pauses runs whose model server is gone.
func (s *Service) pauseOrphans(ctx context.Context) error {
	list, err := s.endpoints(ctx)
	if err != nil {
		return err
	}
	ids := []string{""}
	if s.DB.Pool() != nil {
		// Another process may know a server from its environment.
		ids = append(ids, EnvEndpoint)
	}
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	runs, err := s.DB.Running(ctx)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if slices.Contains(ids, run.Endpoint) {
			continue
		}
		if err := s.pause(ctx, run.ID, errNoEndpoint); err != nil {
			return err
		}
	}
	return nil
}

// EndpointModels asks a model server which models it has.
func (s *Service) EndpointModels(ctx context.Context, id string) ([]string, error) {
	e, err := s.endpoint(ctx, s.DB, id)
	if err != nil {
		return nil, err
	}
	return s.ListModels(ctx, e.URL, e.Key)
}

// ListModels asks a server that is not saved yet.
func (s *Service) ListModels(ctx context.Context, url, key string) ([]string, error) {
	o := s.Client
	o.URL, o.Key = url, key
	c := llm.New(o)
	defer c.Close()
	names, err := c.Models(ctx)
	return names, inWords(err)
}

// model is the one chosen for a server, or the only one it has.
func (s *Service) model(ctx context.Context, e seedbed.Endpoint) (string, error) {
	if e.Model != "" {
		return e.Model, nil
	}
	o := s.Client
	o.URL, o.Key = e.URL, e.Key
	c := llm.New(o)
	defer c.Close()
	name, err := c.OnlyModel(ctx)
	if errors.Is(err, llm.ErrUnchosen) {
		choose := "choose one in the settings"
		if e.ID == EnvEndpoint {
			choose = "name one by --model or SEEDBED_LLM_MODEL"
		}
		return "", seedbed.Errorf(seedbed.Invalid, "%w; %s", inWords(err), choose)
	}
	return name, inWords(err)
}

// TestEndpoint asks for one tiny completion and says what answered.
func (s *Service) TestEndpoint(ctx context.Context, id string) (string, error) {
	e, err := s.endpoint(ctx, s.DB, id)
	if err != nil {
		return "", err
	}
	if e.Model, err = s.model(ctx, e); err != nil {
		return "", err
	}
	o := s.Client
	o.URL, o.Key, o.Model, o.MaxAttempts = e.URL, e.Key, e.Model, 1
	c := llm.New(o)
	defer c.Close()
	words, err := c.Test(ctx)
	if err != nil {
		return "", inWords(err)
	}
	switch server := c.Learn(ctx); {
	case server.Slots > 0:
		words += fmt.Sprintf(". It works on %d requests at once, with a context of %d tokens", server.Slots, server.Context)
	case server.Context > 0:
		words += fmt.Sprintf(". Its context is %d tokens", server.Context)
	}
	return words, nil
}

// inWords makes an error that a person may read of a model client's.
func inWords(err error) error {
	var e *llm.Error
	if !errors.As(err, &e) {
		return err
	}
	code := seedbed.Invalid
	if e.Retryable() {
		code = seedbed.Unavailable
	}
	return &seedbed.Error{Code: code, Message: e.Message, Err: err}
}
