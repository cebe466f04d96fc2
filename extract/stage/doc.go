// Package stage holds the stages that recipes are made of, one a file.
//
// A recipe names its stages in order. Harvest, derive and reverse make seeds,
// and rewrite makes more of them; screen turns passages away; revise improves what
// was made; ground, standalone, execute, roundtrip, vote, decontaminate and dedupe
// check it. A seed that fails a check is kept, rejected with the reason, and no
// later stage looks at it. A recipe ends with dedupe, so that no other stage
// waits for its turn.
//
// What models say of a seed is never more than an opinion. A judge that
// refuses, breaks off or says neither yes nor no leaves its check uncertain;
// only the errors of its server are errors of the stage.
package stage
