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
		added, err = tx.AddCollection(ctx, name, name)
		return err
	})
	if err != nil {
		return c, false, err
	}
	all, err := s.DB.Collections(ctx)
	if i := slices.IndexFunc(all, func(c seedbed.Collection) bool { return c.Name == name }); i >= 0 {
		c = all[i]
	}
	return c, added, err
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
