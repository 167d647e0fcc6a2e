package nftables

import (
	"bytes"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An encoded element is read as it was written.
func TestElementsAreReadAsTheyAreWritten(t *testing.T) {
	for _, e := range []Element{
		{Key: []byte{192, 0, 2, 1}},
		{Key: []byte{1, 2, 3}, Value: []byte{4, 5, 6, 7, 8}},
		{Key: []byte{1}, Timeout: time.Minute, Remaining: 20 * time.Second},
		{Key: []byte{1}, Value: []byte{2}, Timeout: 70 * 24 * time.Hour, Remaining: time.Millisecond},
	} {
		encoded, err := e.attributes(false)
		if err != nil {
			t.Fatal(err)
		}
		for a := range attributesOf(encoded) {
			got := parseElement(nested(a.value), 0)
			if !bytes.Equal(got.Key, e.Key) || !bytes.Equal(got.Value, e.Value) ||
				got.Timeout != e.Timeout || got.Remaining != e.Remaining {
				t.Errorf("%+v is read as %+v", e, got)
			}
		}
	}
}

// Whatever arrives, the listener's parser ends, and each event is one of the table.
func FuzzSetEvents(f *testing.F) {
	element, err := Element{Key: []byte{1, 2, 3, 4}, Timeout: time.Minute, Remaining: time.Second}.attributes(false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(element, uint16(unix.NFT_MSG_NEWSETELEM))
	f.Add([]byte{8, 0, 1, 0, 'a', 0, 0, 0}, uint16(unix.NFT_MSG_DELSET))
	f.Fuzz(func(t *testing.T, body []byte, kind uint16) {
		l := &Listener{table: "hapair"}
		datagram := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+4+len(body))
		datagram[0], datagram[1] = byte(cap(datagram)), byte(cap(datagram)>>8)
		datagram[4], datagram[5] = byte(kind), unix.NFNL_SUBSYS_NFTABLES
		datagram = append(append(datagram, unix.NFPROTO_INET, 0, 0, 0), body...)
		for _, data := range [][]byte{datagram, body} {
			for _, e := range l.parse(nil, data) {
				if e.Kind < ElementAdded || e.Kind > TableRemoved {
					t.Errorf("an event is %+v", e)
				}
			}
		}
	})
}
