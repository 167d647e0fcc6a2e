package message_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/hapair-io/hapair/internal/class/vpn/message"
)

const exampleSA = "02b0072574df82f987a867fca6488ac53001"

func decode(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParse(t *testing.T) {
	sa := message.SA(decode(t, exampleSA))
	for name, test := range map[string]struct {
		datagram string
		want     message.Message
	}{
		"IKE SA with the version of IKE": {"050124" + "02" + "01" + exampleSA + "ff", message.Message{5, message.AddIKE, sa}},
		"IKE SA":                         {"0501" + "01" + exampleSA, message.Message{5, message.AddIKE, sa}},
		"child":                          {"0506" + "01" + exampleSA, message.Message{5, message.AddChild, sa}},
		"message ID":                     {"0503" + "01" + exampleSA, message.Message{5, message.InitiatorID, sa}},
		"role":                           {"0508" + "220001", message.Message{Version: 5, Type: message.DropSegment}},
		"request":                        {"000b", message.Message{Type: message.Resync}},
	} {
		if got, err := message.Parse(decode(t, test.datagram)); err != nil || got != test.want {
			t.Errorf("%s: got %+v and %v, want %+v", name, got, err, test.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for name, datagram := range map[string][]byte{
		"empty":              nil,
		"only a version":     {5},
		"type 0":             {5, 0},
		"a later type":       {5, 14},
		"no IKE SA":          {5, 1},
		"half an IKE SA":     decode(t, "05010102b0072574df82f987"),
		"another attribute":  decode(t, "050603"+exampleSA+"00"),
		"more than is read":  make([]byte, message.MaxBytes+1),
		"version, no IKE SA": decode(t, "05012402"),
	} {
		if got, err := message.Parse(datagram); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
}

func TestOnlyStateIsReplicated(t *testing.T) {
	for kind := message.AddIKE; kind <= message.PostQuantumKey; kind++ {
		isRole := kind == message.DropSegment || kind == message.TakeSegment || kind == message.Status
		if kind.IsRole() != isRole || kind.IsState() && (isRole || kind == message.Resync) {
			t.Errorf("type %d: role %t, state %t", kind, kind.IsRole(), kind.IsState())
		}
	}
}

func TestMadeMessages(t *testing.T) {
	sa := message.SA(decode(t, exampleSA))
	want := message.Message{4, message.DeleteIKE, sa}
	if got, err := message.Parse(message.Deletion(4, sa)); err != nil || got != want {
		t.Errorf("got %+v and %v", got, err)
	}
	segment := decode(t, "0508220001")
	if got, want := message.ResyncLike(segment), decode(t, "050b220001"); !bytes.Equal(got, want) || segment[1] != 8 {
		t.Errorf("got %x, want %x", got, want)
	}
	if got, err := message.Parse(message.Request()); err != nil || got.Type != message.Resync {
		t.Errorf("got %+v and %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0501240201" + exampleSA, "050601" + exampleSA, "0508220001", "000b", "05", "05012402"} {
		f.Add(decode(f, seed))
	}
	f.Fuzz(func(t *testing.T, datagram []byte) {
		m, err := message.Parse(datagram)
		if err != nil {
			return
		}
		if m.Type.IsState() && !bytes.Contains(datagram, m.SA[:]) {
			t.Errorf("%x: the IKE SA %x is not part of it", datagram, m.SA)
		}
		if len(datagram) > message.MaxBytes || byte(m.Type) != datagram[1] || m.Version != datagram[0] {
			t.Errorf("%x: got %+v", datagram, m)
		}
	})
}
