//go:build race

package store_test

// Under the race detector what is done again and again, each time with another
// fault, takes ten times as long: it is done less often.
const raceDetector = true
