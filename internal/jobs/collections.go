package jobs

import (
	"context"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"seedbed/internal/seedbed"
	"seedbed/internal/store"
)

// Collections lists the collections by name.
func (s *Service) Collections(ctx context.Context) ([]seedbed.Collection, error) {
	return s.DB.Collections(ctx)
}

// CollectionNames lists the names of the collections, and counts nothing.
func (s *Service) CollectionNames(ctx context.Context) ([]string, error) {
	return s.DB.CollectionNames(ctx)
}

// AddCollection makes an empty collection, unless there is one of that name.
func (s *Service) AddCollection(ctx context.Context, name string) (c seedbed.Collection, added bool, err error) {
	if name, err = collectionName(name); err != nil {
		return c, false, err
	}
	if name == "" {
		return c, false, seedbed.Errorf(seedbed.Invalid, "a collection needs a name")
	}
	err = s.DB.Update(ctx, func(tx *store.Tx) (err error) {
		_, added, err = tx.AddCollection(ctx, name)
		return err
	})
	if err != nil {
		return c, false, err
	}
	c, err = s.collection(ctx, name)
	return c, added, err
}

func (s *Service) collection(ctx context.Context, name string) (c seedbed.Collection, err error) {
	all, err := s.DB.Collections(ctx)
	if i := slices.IndexFunc(all, func(c seedbed.Collection) bool { return c.Name == name }); i >= 0 {
		c = all[i]
	}
	return c, err
}

// RenameCollection gives a collection another name. The error is
// [seedbed.Conflict] if another has that, and for the default one.
func (s *Service) RenameCollection(ctx context.Context, name, to string) (c seedbed.Collection, err error) {
	if to, err = collectionName(to); err != nil {
		return c, err
	}
	switch {
	case to == "":
		return c, seedbed.Errorf(seedbed.Invalid, "a collection needs a name")
	case name == seedbed.DefaultCollection && to != name:
		return c, seedbed.Errorf(seedbed.Conflict, "the default collection keeps its name: what is uploaded without naming one goes there")
	}
	if err := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.RenameCollection(ctx, name, to) }); err != nil {
		return c, err
	}
	s.changes.tell("")
	return s.collection(ctx, to)
}

// DeleteCollection removes a collection that is empty. The error is
// [seedbed.Conflict] if there is something in it, and for the default one.
func (s *Service) DeleteCollection(ctx context.Context, name string) error {
	if name == seedbed.DefaultCollection {
		return seedbed.Errorf(seedbed.Conflict, "the default collection stays: what is uploaded without naming one goes there")
	}
	err := s.DB.Update(ctx, func(tx *store.Tx) error { return tx.DeleteCollection(ctx, name) })
	if err == nil {
		s.changes.tell("")
	}
	return err
}

// maxCollectionName is how many characters a collection's name has at most.
const maxCollectionName = 80

// collectionName is a name as it is kept.
func collectionName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return "", seedbed.Errorf(seedbed.Invalid, "the name of a collection is one line of text")
	case utf8.RuneCountInString(name) > maxCollectionName:
		return "", seedbed.Errorf(seedbed.Invalid, "the name of a collection has %d characters at most", maxCollectionName)
	}
	return name, nil
}
