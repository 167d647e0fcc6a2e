package document_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Every accepted document has one canonical form, and no input makes the reader panic.
func FuzzParse(f *testing.F) {
	f.Add(full(f))
	f.Add([]byte(`{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
		`"spec":{"zones":[{"name":"lan","interfaces":["lan"]}]}}`))
	f.Add([]byte(`{"apiVersion":"hapair.io/v1alpha1","kind":"FirewallConfiguration",` +
		`"spec":{"zones":[{"name":"wan","interfaces":["wan"]}],"wan":{"distribution":"PerSource","links":[` +
		`{"name":"fibre","interface":"wan","gateways":["203.0.113.254","fe80::1"],"weight":3,"backup":true,` +
		`"monitors":[{"type":"TCP","host":"192.0.2.1","port":53}],"intervalMilliseconds":200,` +
		`"timeoutMilliseconds":100,"failureThreshold":2,"successThreshold":3}]}}}`))
	f.Add([]byte("zones: &a [*a]"))
	f.Add([]byte("{a: 1}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := document.Parse(data)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a message")
			}
			return
		}
		canonical := d.JSON()
		again, err := document.Parse(canonical)
		if err != nil {
			t.Fatalf("the canonical form is refused: %v\n%s", err, canonical)
		}
		if !reflect.DeepEqual(again, d) || !bytes.Equal(again.JSON(), canonical) {
			t.Fatalf("the canonical form means something else:\n%s\n%s", canonical, again.JSON())
		}
	})
}

func FuzzParseBlock(f *testing.F) {
	seeds := []string{
		"192.0.2.1", "192.0.2.0/24", "192.0.2.1-192.0.2.9", "::/0", "fe80::1%eth0", "::ffff:1.2.3.4/120",
	}
	for _, text := range seeds {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		block, err := document.ParseBlock(text)
		if err != nil {
			return
		}
		again, err := document.ParseBlock(block.String())
		if err != nil || again != block {
			t.Fatalf("%q is %v, written %s, read %v (%v)", text, block, block, again, err)
		}
		if block.Last.Less(block.First) || block.First.Is4() != block.Last.Is4() {
			t.Fatalf("%q is %v", text, block)
		}
	})
}
