package store

import (
	"context"
	"fmt"
	"time"
)

// A Recipe is one that a person wrote, as it was written.
type Recipe struct {
	Name    string
	Body    string
	Changed time.Time
}

func scanRecipe(row scanner) (Recipe, error) {
	var r Recipe
	err := row.Scan(&r.Name, &r.Body, stamp{&r.Changed})
	return r, err
}

// Recipes lists the recipes that people wrote, by name.
func (r reads) Recipes(ctx context.Context) ([]Recipe, error) {
	out, err := list(ctx, r.q, scanRecipe, `SELECT name, body, changed FROM recipes ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list recipes: %w", err)
	}
	return out, nil
}

// Recipe is one that a person wrote.
func (r reads) Recipe(ctx context.Context, name string) (Recipe, error) {
	recipe, err := scanRecipe(r.q.QueryRowContext(ctx, `SELECT name, body, changed FROM recipes WHERE name = $1`, name))
	return recipe, found(err, "recipe", name)
}

// SaveRecipe adds a recipe, or changes the one of its name.
func (tx *Tx) SaveRecipe(ctx context.Context, r Recipe) error {
	_, err := tx.exec(ctx, `INSERT INTO recipes (name, body, changed) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET body = excluded.body, changed = excluded.changed`, r.Name, r.Body, millis(r.Changed))
	if err != nil {
		return fmt.Errorf("save recipe %s: %w", r.Name, err)
	}
	return nil
}

// DeleteRecipe removes a recipe. Runs keep theirs.
func (tx *Tx) DeleteRecipe(ctx context.Context, name string) error {
	n, err := tx.exec(ctx, `DELETE FROM recipes WHERE name = $1`, name)
	return changed(n, err, "recipe", name)
}
