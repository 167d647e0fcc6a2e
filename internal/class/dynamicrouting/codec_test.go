package dynamicrouting

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

func examples() (keys []key, values []value) {
	for _, to := range []string{"0.0.0.0/0", "10.1.0.0/16", "192.0.2.7/32", "::/0", "fd01::/64"} {
		keys = append(keys, key{to: netip.MustParsePrefix(to), metric: 20})
	}
	router := netip.MustParseAddr
	return keys, []value{
		{kind: rtnetlink.Blackhole},
		{kind: rtnetlink.Unicast, hops: []hop{{device: "wan0", weight: 1}}},
		{kind: rtnetlink.Unicast, hops: []hop{
			{device: "wan0", via: router("203.0.113.9"), weight: 256}, {device: "wan1", via: router("fe80::9"), weight: 1},
		}},
	}
}

func FuzzParse(f *testing.F) {
	keys, values := examples()
	for _, k := range keys {
		for _, v := range values {
			f.Add(k.encode(), v.encode())
		}
	}
	f.Add("", []byte{})
	f.Fuzz(func(t *testing.T, text string, record []byte) {
		if k, err := parseKey(text); err == nil && k.encode() != text {
			t.Errorf("key %x became %x", text, k.encode())
		}
		if v, err := parseValue(record); err == nil && !bytes.Equal(v.encode(), record) {
			t.Errorf("record %x became %x", record, v.encode())
		}
	})
}

func TestKeysAndRecordsAreReadAsTheyAreWritten(t *testing.T) {
	keys, values := examples()
	for _, k := range keys {
		if got, err := parseKey(k.encode()); err != nil || got != k {
			t.Errorf("%+v is read as %+v, %v", k, got, err)
		}
	}
	for _, v := range values {
		if got, err := parseValue(v.encode()); err != nil || !bytes.Equal(got.encode(), v.encode()) {
			t.Errorf("%+v is read as %+v, %v", v, got, err)
		}
	}
}

func TestMalformedKeysAndRecordsAreRefused(t *testing.T) {
	refused := []key{{to: netip.MustParsePrefix("10.0.0.0/8"), metric: maxMetric + 1}}
	for _, to := range []string{"10.1.0.0/8", "224.0.0.0/4", "127.0.0.0/8", "ff00::/8", "fe80::/64"} {
		refused = append(refused, key{to: netip.MustParsePrefix(to)})
	}
	for _, k := range refused {
		if got, err := parseKey(k.encode()); err == nil {
			t.Errorf("%+v is read as %+v", k, got)
		}
	}
	via := func(address string) value {
		return value{kind: rtnetlink.Unicast, hops: []hop{{device: "wan0", via: netip.MustParseAddr(address), weight: 1}}}
	}
	for _, v := range []value{
		{kind: rtnetlink.Unicast},
		{kind: rtnetlink.Local},
		{},
		via("0.0.0.0"), via("224.0.0.1"), via("::1"),
		{kind: rtnetlink.Blackhole, hops: []hop{{device: "wan0", weight: 1}}},
		{kind: rtnetlink.Unicast, hops: []hop{{weight: 1}}},
		{kind: rtnetlink.Unicast, hops: []hop{{device: "an-interface-whose-name-is-too-long", weight: 1}}},
		{kind: rtnetlink.Unicast, hops: make([]hop, maxHops+1)},
	} {
		if got, err := parseValue(v.encode()); err == nil {
			t.Errorf("%+v is read as %+v", v, got)
		}
	}
	for _, text := range []string{"", "!", "\x00\x00\x00\x00\x21\x0a\x00\x00\x00", "\x00\x00\x00\x00\x08\x0a"} {
		if got, err := parseKey(text); err == nil {
			t.Errorf("%x is read as %+v", text, got)
		}
	}
	for _, record := range [][]byte{nil, {1}, {1, 1}, {1, 1, 0, 3, 1, 2, 3, 1, 'w'}, {6, 0, 0}, {1, 1, 0, 0, 2, 'w'}} {
		if got, err := parseValue(record); err == nil {
			t.Errorf("%x is read as %+v", record, got)
		}
	}
}
