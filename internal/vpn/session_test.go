package vpn

import "testing"

func TestSAs(t *testing.T) {
	all := sas{
		{name: "a", state: established, children: []string{"1", "2"}},
		{name: "b", state: established},
		{name: "c", state: "CONNECTING"},
		{name: "d", state: passive, children: []string{"3"}},
		{name: "e", state: "DELETING"},
		{name: "remoteAccess", state: established, children: []string{"4"}, user: "alice"},
		{name: "remoteAccess", state: passive, children: []string{"5"}, user: "alice"},
		{name: "remoteAccess", state: "CONNECTING"},
	}
	for name, want := range map[string]bool{"a": true, "b": false, "c": true, "d": true, "e": false, "f": false} {
		if got := all.isPresent(name); got != want {
			t.Errorf("%s is present: %t, want %t", name, got, want)
		}
	}
	if up, waiting := all.countTunnels(established), all.countTunnels(passive); up != 1 || waiting != 1 {
		t.Errorf("got %d and %d tunnels, want one of each", up, waiting)
	}
	if users := all.countUsers(); users != 2 {
		t.Errorf("got %d users, want 2", users)
	}
	if got := all.children("a"); len(got) != 2 || !got["1"] {
		t.Errorf("got the children %v", got)
	}
	if !all.hasState(passive) || all[:3].hasState(passive) {
		t.Error("only the fourth is passive")
	}
}

// A tunnel has new keys once it has a child that it did not have, although the old one remains for a while.
func TestNewKeysReplaceOldOnes(t *testing.T) {
	old := map[string]bool{"1": true}
	for _, test := range []struct {
		present map[string]bool
		waits   bool
	}{
		{map[string]bool{"1": true}, true},
		{map[string]bool{"1": true, "2": true}, false},
		{map[string]bool{"2": true}, false},
		{nil, false},
	} {
		if got := overlap(old, test.present); got != test.waits {
			t.Errorf("with %v, the tunnel waits: %t, want %t", test.present, got, test.waits)
		}
	}
}
