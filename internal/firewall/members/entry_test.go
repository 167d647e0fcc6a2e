package members

import (
	"errors"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class/table"
)

func TestParseChange(t *testing.T) {
	for key, want := range map[string]string{
		"blocked/192.0.2.7":      "dynamic.blocked.ipv4",
		"blocked/2001:DB8::7":    "dynamic.blocked.ipv6",
		"a.b/192.0.2.7":          "dynamic.a.b.ipv4",
		"blocked/fe80::1":        "dynamic.blocked.ipv6",
		"blocked":                "",
		"/192.0.2.7":             "",
		"blocked/":               "",
		"blocked/192.0.2.0/24":   "",
		"blocked/fe80::1%eth0":   "",
		"blocked/::ffff:1.2.3.4": "",
		"blocked/224.0.0.1":      "",
		"blocked/0.0.0.0":        "",
		"blocked/127.0.0.1":      "",
	} {
		entry := table.Entry{Key: key, Value: []byte("{}"), Life: time.Minute}
		_, change, err := parseChange(table.Change{Entry: entry})
		switch {
		case (err == nil) != (want != ""), err != nil && !errors.Is(err, table.ErrInvalid):
			t.Errorf("%q: %v", key, err)
		case err == nil && (change.Set != want || change.Element.Remaining != time.Minute || change.IsDeletion):
			t.Errorf("%q is %+v", key, change)
		}
	}
	deletion := table.Change{Entry: table.Entry{Key: "blocked/192.0.2.7"}, Deleted: true}
	if _, change, err := parseChange(deletion); err != nil || !change.IsDeletion {
		t.Errorf("a deletion is %+v, %v", change, err)
	}
}

func TestObjectOf(t *testing.T) {
	for set, want := range map[string]string{
		"dynamic.a.ipv4": "a", "dynamic.a.b.ipv6": "a.b", "dynamic.ipv4.ipv4": "ipv4", "dynamic.": "", "x": "",
	} {
		if got := objectOf(set); got != want {
			t.Errorf("%q is of %q, want %q", set, got, want)
		}
	}
}

// The object of a key decides whether a provider may use it. It must be that of the set which is written.
func TestGrantIsThatOfTheSet(t *testing.T) {
	for _, key := range []string{"blocked/192.0.2.7", "a.b/2001:db8::7"} {
		m, err := parseKey(key)
		if got := New(nil).ObjectOf(key); err != nil || got != m.object || got != objectOf(m.set()) {
			t.Errorf("%q is of object %q, and of the set %q, %v", key, got, m.set(), err)
		}
	}
}

// FuzzParseKey checks that a key that is accepted names the same member when it is listed.
func FuzzParseKey(f *testing.F) {
	for _, key := range []string{"blocked/192.0.2.7", "a/2001:DB8::7", "a/", "/", "a//::1", "\xff/1.2.3.4"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		m, err := parseKey(key)
		if err != nil {
			if !errors.Is(err, table.ErrInvalid) {
				t.Errorf("%q: %v", key, err)
			}
			return
		}
		again, err := parseKey(m.key())
		if err != nil || again != m || objectOf(m.set()) != m.object || New(nil).ObjectOf(key) != m.object {
			t.Errorf("%q is %+v and then %+v, %v; its set is %q", key, m, again, err, m.set())
		}
	})
}
