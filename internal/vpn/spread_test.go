package vpn

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/vpn/tunnels"
)

func TestNewKeysAreSpreadOverAMinute(t *testing.T) {
	const count = 64
	var wanted []tunnels.Connection
	var present sas
	for i := range count {
		name := fmt.Sprint("tunnel", i)
		wanted = append(wanted, tunnels.Connection{Name: name})
		present = append(present, sa{
			name: name, children: []string{fmt.Sprint("in", i)}, toPeer: []string{fmt.Sprint("out", i)},
		})
	}
	wanted = append(wanted, tunnels.Connection{Name: "down"})
	began := time.Unix(1000, 0)
	s := newSpread(present, wanted, map[string]bool{"out3": true, "out9": true}, began)
	urgent := s.ofTakeover(wanted)
	if len(urgent) != 2 || urgent[0].Name != "tunnel3" || urgent[1].Name != "tunnel9" {
		t.Errorf("the takeover gives new keys to %v, want those that cannot send", urgent)
	}
	present[5].children = []string{"in5", "new"} // The peer has changed the keys of one.
	requested := map[string]bool{}
	for second := range int(spreadTime/time.Second) + 1 {
		due := s.listDue(began.Add(time.Duration(second) * time.Second))
		if len(due) > 2 {
			t.Errorf("%d tunnels get new keys in second %d", len(due), second)
		}
		for _, name := range due {
			if requested[name] {
				t.Errorf("%s gets new keys twice", name)
			}
			if s.isOld(name, present) {
				requested[name] = true
			}
			s.forget(name)
		}
	}
	if len(requested) != count-3 || requested["tunnel3"] || requested["tunnel5"] || requested["down"] {
		t.Errorf("%d tunnels got new keys, want all %d others", len(requested), count-3)
	}
}

// In userspace, no numbers are advanced.
func TestAllTunnelsAreUrgentWithoutAPlan(t *testing.T) {
	var s *spread
	wanted := []tunnels.Connection{{Name: "a"}, {Name: "b"}}
	if got := s.ofTakeover(wanted); len(got) != 2 {
		t.Errorf("the takeover gives new keys to %v, want both", got)
	}
	if due := s.listDue(time.Now()); due != nil {
		t.Errorf("%v are due later", due)
	}
}

// A user who connects during the plan must not keep the others from new keys.
func TestUsersGetNewKeysDespiteANewOne(t *testing.T) {
	const users = document.RemoteAccessName
	present := sas{{name: users, children: []string{"1"}}, {name: users, children: []string{"2"}}}
	began := time.Unix(1000, 0)
	s := newSpread(present, []tunnels.Connection{{Name: users}}, nil, began)
	present = append(present, sa{name: users, children: []string{"3"}})
	if due := s.listDue(began.Add(spreadTime)); !slices.Equal(due, []string{users}) || !s.isOld(users, present) {
		t.Errorf("%v are due, want the users with old keys", due)
	}
	present[0].children, present[1].children = []string{"1", "4"}, []string{"5"}
	if s.isOld(users, present) {
		t.Error("users with new keys get others")
	}
}
