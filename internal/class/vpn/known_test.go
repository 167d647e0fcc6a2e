package vpn

import (
	"encoding/binary"
	"reflect"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/class/vpn/message"
)

// example returns an IKE SA with a number.
func example(number int) (sa message.SA) {
	binary.BigEndian.PutUint64(sa[:], uint64(number))
	return sa
}

// about returns a message of a type about an IKE SA, with something that differs.
func about(kind message.Type, number int, rest ...byte) []byte {
	sa := example(number)
	return append(append([]byte{5, byte(kind), 1}, sa[:]...), rest...)
}

// table has a clock of its own.
type table struct {
	known
	t   *testing.T
	now time.Duration
}

func newTable(t *testing.T) *table {
	t.Helper()
	k := &table{t: t}
	k.known = newKnown(func() time.Duration { return k.now })
	return k
}

func (k *table) observe(messages ...[]byte) (forgotten []message.SA) {
	k.t.Helper()
	for _, datagram := range messages {
		m, err := message.Parse(datagram)
		if err != nil {
			k.t.Fatal(err)
		}
		forgotten = append(forgotten, k.known.observe(m, datagram)...)
	}
	return forgotten
}

func (k *table) settled() map[message.SA][]byte {
	k.now += settling
	return k.list(true)
}

func TestEqualMessagesAreEqualEntries(t *testing.T) {
	a, b := newTable(t), newTable(t)
	stream := [][]byte{
		about(message.AddIKE, 1), about(message.UpdateIKE, 1), about(message.AddChild, 1, 7),
		about(message.InitiatorID, 1, 9),
	}
	a.observe(stream...)
	b.observe(stream...)
	if got, want := a.settled(), b.settled(); !reflect.DeepEqual(got, want) || len(got) != 1 {
		t.Errorf("got %v and %v", got, want)
	}
	b.observe(about(message.InitiatorID, 1, 10))
	if !reflect.DeepEqual(a.settled(), b.settled()) {
		t.Error("a message ID makes a difference, although the next one replaces it")
	}
	b.observe(about(message.AddChild, 1, 8))
	if reflect.DeepEqual(a.settled(), b.settled()) {
		t.Error("a child that one of them lacks makes no difference")
	}
	a.observe(stream...) // The daemon describes everything again.
	b.observe(stream...)
	if !reflect.DeepEqual(a.settled(), b.settled()) {
		t.Error("after all messages again, they differ")
	}
}

func TestOnlyEstablishedSAsAreCompared(t *testing.T) {
	k := newTable(t)
	k.observe(about(message.AddIKE, 1), about(message.AddIKE, 2), about(message.UpdateIKE, 2), about(message.UpdateIKE, 3))
	if got := k.settled(); len(got) != 1 || got[example(2)] == nil {
		t.Errorf("got %v, want the second alone", got)
	}
	k.observe(about(message.DeleteIKE, 2))
	if got := k.settled(); len(got) != 0 {
		t.Errorf("got %v after the deletion", got)
	}
}

// What has just changed may be on its way, so a sender does not compare it. A receiver has it or not.
func TestChangesSettle(t *testing.T) {
	k := newTable(t)
	k.observe(about(message.AddIKE, 1), about(message.UpdateIKE, 1))
	if fields, ok := k.list(true)[example(1)]; !ok || fields != nil {
		t.Errorf("got %v and %t at once", fields, ok)
	}
	if k.list(false)[example(1)] == nil {
		t.Error("the receiver does not compare it")
	}
	k.settled()
	k.observe(about(message.DeleteIKE, 1))
	if fields, ok := k.list(true)[example(1)]; !ok || fields != nil {
		t.Errorf("got %v and %t at once after the deletion", fields, ok)
	}
}

// A peer that never authenticates must not fill the daemon of the standby.
func TestHalfOpenSAsAreBounded(t *testing.T) {
	k := newTable(t)
	k.observe(about(message.AddIKE, 0), about(message.UpdateIKE, 0))
	var forgotten []message.SA
	for i := range maxHalfOpen + 3 {
		forgotten = append(forgotten, k.observe(about(message.AddIKE, 1+i))...)
	}
	if want := []message.SA{example(1), example(2), example(3)}; !reflect.DeepEqual(forgotten, want) {
		t.Errorf("got %v, want the oldest three", forgotten)
	}
	if len(k.sas) != maxHalfOpen+1 {
		t.Errorf("it has %d", len(k.sas))
	}
}

func TestSAsAreBounded(t *testing.T) {
	k := newTable(t)
	var forgotten []message.SA
	for i := range maxKnown + 2 {
		forgotten = append(forgotten, k.observe(about(message.AddIKE, i), about(message.UpdateIKE, i))...)
	}
	if want := []message.SA{example(0), example(1)}; !reflect.DeepEqual(forgotten, want) {
		t.Errorf("got %v, want the oldest two", forgotten)
	}
}
