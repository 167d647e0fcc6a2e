package nfqueue

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/mdlayher/netlink"
)

// message returns a message with a packet as the kernel sends it.
func message(t testing.TB, attributes ...netlink.Attribute) []byte {
	t.Helper()
	encoded, err := netlink.MarshalAttributes(attributes)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte{2, 0, 0, 7}, encoded...)
}

func header(id uint32) netlink.Attribute {
	return netlink.Attribute{Type: attributeHeader, Data: append(binary.BigEndian.AppendUint32(nil, id), 8, 0, 0)}
}

func number(kind uint16, value uint32) netlink.Attribute {
	return netlink.Attribute{Type: kind, Data: binary.BigEndian.AppendUint32(nil, value)}
}

func payload(data ...byte) netlink.Attribute {
	return netlink.Attribute{Type: attributePayload, Data: data}
}

func TestDecode(t *testing.T) {
	got, err := decode(message(t, header(9), number(attributeMark, 5), number(attributeIn, 3), payload(0x45, 0)))
	if err != nil {
		t.Fatal(err)
	}
	if got.ID != 9 || got.Mark != 5 || got.In != 3 || !bytes.Equal(got.Bytes, []byte{0x45, 0}) || got.IsTruncated {
		t.Errorf("decoded %+v", got)
	}
	got, err = decode(message(t, header(1), payload(0x45), number(attributeLength, 70000)))
	if err != nil || !got.IsTruncated {
		t.Errorf("decoded a packet longer than its bytes as %+v: %v", got, err)
	}
}

func TestDecodeMalformed(t *testing.T) {
	for name, data := range map[string][]byte{
		"nothing":             nil,
		"half a header":       {2, 0},
		"no ID":               message(t, payload(0x45)),
		"a short header":      message(t, netlink.Attribute{Type: attributeHeader, Data: []byte{0, 0}}),
		"a short mark":        message(t, header(1), netlink.Attribute{Type: attributeMark, Data: []byte{1}}),
		"a length that lies":  {2, 0, 0, 7, 0xff, 0, 1, 0},
		"a length below four": {2, 0, 0, 7, 1, 0, 1, 0},
	} {
		if p, err := decode(data); err == nil {
			t.Errorf("%s: decoded %+v", name, p)
		}
	}
}

func TestVerdict(t *testing.T) {
	m, err := request(messageVerdict, 0x1e64, 0, verdict(7, verdictAccept, []byte{0x45}))
	if err != nil {
		t.Fatal(err)
	}
	want := []byte{
		0, 0, 0x1e, 0x64, 12, 0, attributeVerdict, 0, 0, 0, 0, 1, 0, 0, 0, 7, 5, 0, attributePayload, 0, 0x45, 0, 0, 0,
	}
	if m.Header.Type != 0x0301 || !bytes.Equal(m.Data, want) {
		t.Errorf("encoded type %#x, % x; want % x", m.Header.Type, m.Data, want)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(message(f, header(9), number(attributeMark, 5), payload(0x45, 0)))
	f.Add([]byte{2, 0, 0, 7, 0xff, 0, 1, 0})
	f.Fuzz(func(_ *testing.T, data []byte) { _, _ = decode(data) })
}
