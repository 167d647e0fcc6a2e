package harness_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/benchmark/internal/harness"
)

func run(t *testing.T, f func(testing.TB)) error {
	return harness.Run(t.Context(), "sample", func(string) {}, f)
}

func TestCleansUpInReverseOrder(t *testing.T) {
	for name, end := range map[string]func(testing.TB){
		"returned": func(testing.TB) {},
		"failed":   func(t testing.TB) { t.Fatalf("cable %d is loose", 7) },
		"panicked": func(testing.TB) { panic("cable 7 is loose") },
		"missing":  func(t testing.TB) { t.Setenv("CABLE", "7 is loose") }, // a method that no trial has
	} {
		var order []int
		err := run(t, func(t testing.TB) {
			t.Cleanup(func() { order = append(order, 1) })
			t.Cleanup(func() { order = append(order, 2); t.Cleanup(func() { order = append(order, 3) }) })
			end(t)
			order = append(order, 0)
		})
		want := []int{2, 3, 1}
		if name == "returned" {
			want = []int{0, 2, 3, 1}
		}
		if !slices.Equal(order, want) {
			t.Errorf("%s: order %v, want %v", name, order, want)
		}
		if (err == nil) != (name == "returned") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReturnsEveryFailure(t *testing.T) {
	err := run(t, func(t testing.TB) {
		t.Cleanup(func() { t.Errorf("third") })
		t.Error("first")
		t.Fatal("second")
	})
	if err == nil || strings.Join(strings.Fields(err.Error()), " ") != "first second third" {
		t.Errorf("got %v", err)
	}
}

func TestKeepsSingleErrors(t *testing.T) {
	loose := errors.New("cable 7 is loose")
	if err := run(t, func(t testing.TB) { t.Fatal(fmt.Errorf("looking: %w", loose)) }); !errors.Is(err, loose) {
		t.Errorf("got %v", err)
	}
}
