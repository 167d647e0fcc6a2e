package testbed

import (
	"testing"
	"time"
)

// Patience bounds every wait of a test.
const Patience = 20 * time.Second

// Pause lets time pass, which ends with the test at the latest.
func Pause(t testing.TB, d time.Duration) {
	t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-t.Context().Done():
		t.Fatal("interrupted")
	case <-timer.C:
	}
}

// Eventually asks every few milliseconds until the condition holds.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(Patience); !condition(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("In %s it never came about that %s", Patience, what)
		}
	}
}
