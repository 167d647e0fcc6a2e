package conntrack

import "testing"

// TestCodecAllocatesNothing checks that the codec does not allocate for each entry. A busy firewall has a hundred
// thousand events a second.
func TestCodecAllocatesNothing(t *testing.T) {
	f := example()
	f.Fields |= FieldTCPState | FieldTCPWindow
	f.Reply.DstPort++
	var b builder
	for name, act := range map[string]func() error{
		"encoding": func() error {
			b.bytes = b.bytes[:0]
			return b.addRequest(&Request{Operation: Create, Flow: f}, 0, 1)
		},
		"decoding": func() error {
			m, _, err := nextMessage(b.bytes)
			if err != nil {
				return err
			}
			return m.decode(&f)
		},
	} {
		if err := b.addRequest(&Request{Operation: Create, Flow: f}, 0, 1); err != nil {
			t.Fatal(err)
		}
		allocations := testing.AllocsPerRun(10, func() {
			if err := act(); err != nil {
				t.Fatal(err)
			}
		})
		if allocations != 0 {
			t.Errorf("%s an entry costs %v allocations", name, allocations)
		}
	}
}
