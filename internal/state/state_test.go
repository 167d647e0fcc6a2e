package state_test

import (
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/state"
)

func TestParseClass(t *testing.T) {
	if c, err := state.ParseClass("ConnectionCache"); err != nil || c != state.ConnectionCache {
		t.Errorf("ConnectionCache is %s, %v", c, err)
	}
	for name, says := range map[string]string{
		"Configuration": "always replicated",
		"Dreams":        `unknown class "Dreams"; known: ConnectionCache`,
		"":              `unknown class ""`,
	} {
		if c, err := state.ParseClass(name); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is %s, %v, want an error that says %q", name, c, err, says)
		}
	}
}
