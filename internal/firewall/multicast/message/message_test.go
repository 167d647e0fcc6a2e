package message

import (
	"encoding/hex"
	"net/netip"
	"reflect"
	"testing"
	"time"
)

func addr(text string) netip.Addr { return netip.MustParseAddr(text) }

// The packets are as the RFCs describe them.
func TestPackets(t *testing.T) {
	for name, c := range map[string]struct {
		parse func([]byte) (Message, error)
		hex   string
		want  Message
	}{
		"IGMPv2 report": {ParseIGMP, "1600f8faef010203", Message{
			Old: true, Records: []Record{{Type: IsExclude, Group: addr("239.1.2.3")}},
		}},
		"IGMPv2 leave": {ParseIGMP, "1700f7faef010203", Message{
			Old: true, Records: []Record{{Type: ToInclude, Group: addr("239.1.2.3")}},
		}},
		"IGMPv3 join": {ParseIGMP, "2200e8f90000000104000000ef010203", Message{
			Records: []Record{{Type: ToExclude, Group: addr("239.1.2.3")}},
		}},
		"IGMPv3 source": {ParseIGMP, "2200ddf40000000105000001ef0102030a020002", Message{
			Records: []Record{{Type: AllowSources, Group: addr("239.1.2.3"), Sources: []netip.Addr{addr("10.2.0.2")}}},
		}},
		"IGMPv2 general query": {ParseIGMP, "1164ee9b00000000", Message{
			IsQuery: true, Old: true, Query: Query{MaxResponse: 10 * time.Second},
		}},
		"IGMPv3 general query": {ParseIGMP, "1164ec1e00000000027d0000", Message{
			IsQuery: true, Query: Query{MaxResponse: 10 * time.Second},
		}},
		"MLDv1 report": {ParseMLD, "8300000000000000ff080000000000000000000000000123", Message{
			Old: true, Records: []Record{{Type: IsExclude, Group: addr("ff08::123")}},
		}},
		"MLDv1 done": {ParseMLD, "8400000000000000ff080000000000000000000000000123", Message{
			Old: true, Records: []Record{{Type: ToInclude, Group: addr("ff08::123")}},
		}},
		"MLDv2 join": {ParseMLD, "8f0000000000000104000000ff080000000000000000000000000123", Message{
			Records: []Record{{Type: ToExclude, Group: addr("ff08::123")}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			packet, err := hex.DecodeString(c.hex)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := c.parse(packet); err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestEncodedMessagesAreRead(t *testing.T) {
	for _, c := range []struct {
		parse        func([]byte) (Message, error)
		query        func(Query) []byte
		report       func([]Record) []byte
		old          func(Record) []byte
		group, other string
	}{
		{ParseIGMP, IGMPQuery, IGMPReport, OldIGMPReport, "239.1.2.3", "10.2.0.2"},
		{ParseMLD, MLDQueryMessage, MLDReportMessage, OldMLDReport, "ff08::123", "2001:db8::2"},
	} {
		sources := []netip.Addr{addr(c.other)}
		for _, q := range []Query{
			{MaxResponse: time.Second},
			{Group: addr(c.group), MaxResponse: time.Second},
			{Group: addr(c.group), Sources: sources, MaxResponse: time.Second},
		} {
			if got, err := c.parse(c.query(q)); err != nil || !reflect.DeepEqual(got, Message{IsQuery: true, Query: q}) {
				t.Errorf("%+v became %+v, %v", q, got, err)
			}
		}
		records := []Record{{ToExclude, addr(c.group), nil}, {AllowSources, addr(c.group), sources}}
		if got, err := c.parse(c.report(records)); err != nil || !reflect.DeepEqual(got, Message{Records: records}) {
			t.Errorf("%+v became %+v, %v", records, got, err)
		}
		leave := Record{Type: ToInclude, Group: addr(c.group)}
		want := Message{Old: true, Records: []Record{leave}}
		if got, err := c.parse(c.old(leave)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("a leave became %+v, %v", got, err)
		}
	}
}

func TestResponseCodes(t *testing.T) {
	for code, want := range map[int]int{0: 0, 127: 127, 128: 128, 0x8f: 0xf8, 0xff: 31744} {
		if got := decodeCode(code, 4); got != want {
			t.Errorf("%#x is %d, want %d", code, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(IGMPQuery(Query{Group: addr("239.1.2.3"), Sources: []netip.Addr{addr("10.2.0.2")}}))
	f.Add(IGMPReport([]Record{{ToExclude, addr("239.1.2.3"), nil}, {AllowSources, addr("239.1.2.4"), nil}}))
	f.Add(MLDReportMessage([]Record{{ToExclude, addr("ff08::123"), []netip.Addr{addr("2001:db8::2")}}}))
	f.Add(MLDQueryMessage(Query{Group: addr("ff08::123")}))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, parse := range []func([]byte) (Message, error){ParseIGMP, ParseMLD} {
			m, err := parse(b)
			if err != nil {
				continue
			}
			for _, r := range m.Records {
				if !r.Group.IsMulticast() || len(r.Sources) > len(b)/4 {
					t.Errorf("%x has record %+v", b, r)
				}
			}
			if m.IsQuery && (m.Query.MaxResponse < 0 || len(m.Query.Sources) > len(b)/4) {
				t.Errorf("%x has query %+v", b, m.Query)
			}
		}
	})
}
