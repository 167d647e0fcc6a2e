//go:build netns

package vpn_test

import (
	"encoding/binary"
	"maps"
	"testing"

	"github.com/hapair-io/hapair/internal/class/classtest"
	"github.com/hapair-io/hapair/internal/class/vpn/message"
)

// replacing returns the message that adds an IKE SA with new keys in place of another.
func replacing(number, replaced int) []byte {
	var sa message.SA
	binary.BigEndian.PutUint64(sa[:], uint64(replaced))
	return append(about(message.AddIKE, number, 2), sa[:]...)
}

// address returns the message with the address of a user.
func address(number int) []byte { return about(message.UpdateIKE, number, 12, 2, 10, 88, 0, 1) }

// TestAddressesFollowNewKeys has a user whose IKE SA gets new keys twice. The daemon describes the address only once,
// until it is told to remember it.
func TestAddressesFollowNewKeys(t *testing.T) {
	u := newUnit(t)
	w := classtest.Watch(t, u.Class)
	stream := [][]byte{about(message.AddIKE, 1), about(message.UpdateIKE, 1), address(1)}
	send(t, u.daemon, stream...)
	wantMessages(t, records(classtest.Drain(t, w)), stream...)

	second := [][]byte{replacing(2, 1), about(message.DeleteIKE, 1), about(message.UpdateIKE, 2)}
	send(t, u.daemon, second...)
	wantMessages(t, records(classtest.Drain(t, w)), append(second, address(2))...)

	third := [][]byte{replacing(3, 2), about(message.DeleteIKE, 2), about(message.UpdateIKE, 3)}
	send(t, u.daemon, third...)
	wantMessages(t, records(classtest.Drain(t, w)), append(third, address(3))...)
	u.toldNothing()

	again := [][]byte{replacing(3, 2), about(message.UpdateIKE, 3)}
	position := about(message.ResponderID, 3, 9)
	send(t, u.daemon, append(again, position)...)
	wantMessages(t, records(classtest.Drain(t, w)), append(again, address(3), position)...)
	wantMessages(t, u.told(1), address(3))
	send(t, u.daemon, append(again, address(3), position)...) // The daemon describes it from now on.
	wantMessages(t, records(classtest.Drain(t, w)), append(again, address(3), address(3), position)...)
	u.toldNothing()
}

// TestBothUnitsHaveEqualSums compares the units after new keys of a user.
func TestBothUnitsHaveEqualSums(t *testing.T) {
	active, standby := newUnit(t), newUnit(t)
	w := classtest.Watch(t, active.Class)
	send(t, active.daemon, about(message.AddIKE, 1), about(message.UpdateIKE, 1), address(1), replacing(2, 1),
		about(message.DeleteIKE, 1), about(message.UpdateIKE, 2))
	classtest.Apply(t, standby.Class, classtest.Drain(t, w))
	want, got := classtest.Digest(t, active.Sink.Digest), classtest.Digest(t, standby.Sink.Digest)
	if len(want) != 1 || !maps.Equal(got, want) {
		t.Errorf("the active has %q, and the standby %q", want, got)
	}
}
