// Package stage holds the stages that recipes are made of, one a file.
//
// A recipe names its stages in order: harvest and derive make seeds, screen
// turns passages away, ground, standalone and dedupe check what was made.
// A seed that fails a check is kept, rejected with the reason, and no later
// stage looks at it.
package stage
