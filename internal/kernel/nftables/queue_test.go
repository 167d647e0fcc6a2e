package nftables

import (
	"testing"

	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// list returns what the kernel lists for an expression.
func list(t *testing.T, e expr.Any) []byte {
	t.Helper()
	data, err := expr.Marshal(unix.NFPROTO_INET, e)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{byte(len(data) + 4), byte((len(data) + 4) >> 8), 1, 0x80}, data...)
}

// A rule with a queue equals that queue in both forms, and no other one.
func TestCompareForms(t *testing.T) {
	for _, form := range queueForms {
		got := list(t, form.encode(ruleset.SendToQueue{Number: 7790}))
		for number, equal := range map[uint16]bool{7790: true, 7791: false} {
			b := builder{}
			err := b.compareForms(ruleset.Rule{ruleset.SendToQueue{Number: number}}, got)
			if (err == nil) != equal {
				t.Errorf("form %d of queue 7790 compared with queue %d: %v", form, number, err)
			}
		}
	}
}
