//go:build race

package main

// The race detector multiplies the memory that the reading child needs, but
// not what it is allowed.
const raceDetector = true
