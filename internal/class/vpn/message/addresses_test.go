package message_test

import (
	"bytes"
	"testing"

	"github.com/hapair-io/hapair/internal/class/vpn/message"
)

const otherSA = "02b0072574df82f987a867fca6488ac53101"

func TestRekeyed(t *testing.T) {
	want := message.SA(decode(t, otherSA))
	for name, test := range map[string]struct {
		datagram string
		found    bool
	}{
		"with the version of IKE":    {"050124" + "02" + "01" + exampleSA + "02" + otherSA + "ff", true},
		"without it":                 {"0501" + "01" + exampleSA + "02" + otherSA, true},
		"a first IKE SA":             {"050124" + "02" + "01" + exampleSA + "15ffff", false},
		"half an IKE SA":             {"0501" + "01" + exampleSA + "02" + otherSA[:8], false},
		"nothing after it":           {"0501" + "01" + exampleSA, false},
		"another type of message":    {"0502" + "01" + exampleSA + "02" + otherSA, false},
		"a message about no IKE SA":  {"0508220001", false},
		"a message without anything": {"05", false},
	} {
		got, found := message.Rekeyed(decode(t, test.datagram))
		if found != test.found || found && got != want {
			t.Errorf("%s: got %x and %t", name, got, found)
		}
	}
}

func TestAddresses(t *testing.T) {
	for datagram, want := range map[string]bool{
		"0502" + "01" + exampleSA + "0c020a580001": true,
		"0502" + "01" + exampleSA + "03ff":         false,
		"0502" + "01" + exampleSA:                  false,
		"0506" + "01" + exampleSA + "0c020a580001": false,
		"05": false,
	} {
		if got := message.HasAddresses(decode(t, datagram)); got != want {
			t.Errorf("%s has addresses: %t, want %t", datagram, got, want)
		}
	}
	update := decode(t, "0502"+"01"+exampleSA+"0c020a580001")
	got, want := message.WithSA(update, message.SA(decode(t, otherSA))), decode(t, "0502"+"01"+otherSA+"0c020a580001")
	if !bytes.Equal(got, want) || !bytes.Equal(update, decode(t, "0502"+"01"+exampleSA+"0c020a580001")) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// FuzzAddresses reads messages of any length.
func FuzzAddresses(f *testing.F) {
	f.Add(decode(f, "0502"+"01"+exampleSA+"0c020a580001"))
	f.Add(decode(f, "050124"+"02"+"01"+exampleSA+"02"+otherSA+"ff"))
	f.Add(decode(f, "05"))
	f.Fuzz(func(t *testing.T, datagram []byte) {
		if sa, found := message.Rekeyed(datagram); found && !bytes.Contains(datagram, sa[:]) {
			t.Errorf("%x: the IKE SA %x is not part of it", datagram, sa)
		}
		if !message.HasAddresses(datagram) {
			return
		}
		m, err := message.Parse(message.WithSA(datagram, message.SA{1}))
		if len(datagram) <= message.MaxBytes && datagram[2] == 1 && (err != nil || m.SA != message.SA{1}) {
			t.Errorf("%x: got %+v and %v", datagram, m, err)
		}
	})
}
