package auth

import (
	"fmt"
	"testing"
	"time"
)

func TestLimiterIsBounded(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	l := newLimiter(func() time.Time { return now })
	for range freeTries {
		l.begin("old")
	}
	for i := range 2 * maxKeys {
		now = now.Add(time.Millisecond)
		l.begin(fmt.Sprint(i))
	}
	if len(l.keys) != maxKeys {
		t.Errorf("after %d keys it has %d, want %d", 2*maxKeys+1, len(l.keys), maxKeys)
	}
	if l.keys[fmt.Sprint(2*maxKeys-1)] == nil || l.keys["old"] != nil {
		t.Error("it did not forget the oldest")
	}
	now = now.Add(forgotten + time.Millisecond)
	l.begin("new")
	if len(l.keys) != 1 {
		t.Errorf("an hour later it has %d keys, want 1", len(l.keys))
	}
}
