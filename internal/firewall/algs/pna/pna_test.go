package pna

import (
	"slices"
	"testing"
)

const hello = "PNA\x00\x0a" + "\x00\x03\x00\x04text" + "\x00\x01\x00\x02\x1b\x58" + "\x00\x07\x00\x02\x1b\x5a" +
	"\x00\x00"

var ports = []Port{{7000, 17}, {7002, 23}}

func TestParse(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		ports  []Port
		state  State
	}{
		"a hello":                   {hello, ports, Complete},
		"with something behind it":  {hello + "\x00\x01\x00\x02\x00\x16", ports, Complete},
		"without ports":             {"PNA\x00\x0a\x00\x00", nil, Complete},
		"another protocol":          {"GET / HTTP/1.1", nil, Invalid},
		"a port of another length":  {"PNA\x00\x0a\x00\x01\x00\x04\x1b\x58\x00\x00", nil, Invalid},
		"more ports than there are": {"PNA\x00\x0a" + hello[13:19] + hello[13:19] + hello[13:19], nil, Invalid},
		"an option without an end":  {"PNA\x00\x0a\x00\x03\xff\xff", nil, Invalid},
	} {
		got, state := Parse([]byte(c.stream))
		if !slices.Equal(got, c.ports) || state != c.state {
			t.Errorf("%s: %v, state %d", name, got, state)
		}
	}
	for n := range hello {
		if got, state := Parse([]byte(hello[:n])); state != Partial || !slices.Equal(got, ports[:len(got)]) {
			t.Errorf("%d of %d bytes: %v, state %d", n, len(hello), got, state)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(hello))
	f.Add([]byte("PNA\x00\x0a\x00\x03\xff\xff"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		got, state := Parse(stream)
		for _, p := range got {
			if p.Offset+2 > len(stream) {
				t.Errorf("port at %d of %d bytes", p.Offset, len(stream))
			}
		}
		if state == Partial && len(stream) > MaxHello+optionBytes+2 {
			t.Errorf("%d bytes are too few", len(stream))
		}
	})
}
