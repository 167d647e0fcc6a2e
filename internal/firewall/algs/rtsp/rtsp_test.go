package rtsp

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const (
	setup = "RTSP/1.0 200 OK\r\nCSeq: 3\r\nSession: 1234\r\n" +
		"Transport: RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971;ssrc=1234\r\n\r\n"
	describe = "RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 9\r\nContent-Type: application/sdp\r\n\r\nv=0\r\no=x\n"
	request  = "OPTIONS rtsp://10.1.0.2 RTSP/1.0\r\nCSeq: 9\r\n\r\n"
	media    = "$\x00\x00\x05RTSP/"
)

// items returns the items of a stream that comes byte by byte.
func items(stream string) (items []Item) {
	for end, begin := 1, 0; end <= len(stream); end++ {
		for begin < end {
			item := Next([]byte(stream[begin:end]))
			if item.Bytes == 0 {
				break
			}
			begin += item.Bytes
			items = append(items, item)
		}
	}
	return items
}

func transports(items []Item) (all []string) {
	for _, item := range items {
		if item.Reply != nil {
			all = append(all, item.Reply.Transport)
		}
	}
	return all
}

func TestNext(t *testing.T) {
	const want = "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971;ssrc=1234"
	for name, c := range map[string]struct {
		stream string
		want   []string
	}{
		"a reply":                        {setup, []string{want}},
		"with LF":                        {strings.ReplaceAll(setup, "\r", ""), []string{want}},
		"after a body":                   {describe + setup, []string{"", want}},
		"after media that look like one": {media + media + setup, []string{want}},
		"after a request of the server":  {request + setup, []string{want}},
		"after the rest of something":    {"3 ab\r\n\r\n" + setup, []string{want}},
		"after text":                     {"HELLO\r\n\r\n" + setup, []string{want}},
		"after a malformed status":       {"RTSP/1.0 OK\r\n\r\n" + setup, []string{want}},
		"after a malformed length":       {"RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n" + setup, []string{want}},
		"after a head without an end":    {strings.Repeat("A", MaxHead+1) + setup, []string{want}},
		"field names in other cases":     {"RTSP/1.0 200 OK\r\ntransport:x\r\n\r\n", []string{"x"}},
		"the first of two fields":        {"RTSP/1.0 200 OK\r\nTransport:x\r\nTransport:y\r\n\r\n", []string{"x"}},
		"a field in a body is no field": {
			"RTSP/1.0 200 OK\r\nContent-Length: 16\r\n\r\nTransport: x\r\n\r\n", []string{""},
		},
		"a request's transport is no one": {"SETUP rtsp://x RTSP/1.0\r\nTransport: x\r\n\r\n", nil},
	} {
		if got := transports(items(c.stream)); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	if got := Next([]byte("RTSP/1.0  200 OK\r\n\r\n")).Reply; got == nil || got.Status != 200 || got.StatusAt != 10 {
		t.Errorf("the status of a reply: %+v", got)
	}
	if got := items(media); len(got) != 1 || !got[0].IsMedia || got[0].Bytes != len(media) {
		t.Errorf("an interleaved packet: %+v", got)
	}
}

func TestParseTransport(t *testing.T) {
	for value, want := range map[string]Transport{
		"RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971": {
			Delivery: Unicast, Client: Ports{5000, 5001}, Server: Ports{6970, 6971},
		},
		"RTP/AVP/UDP; Unicast; source=10.2.0.2; Server_Port=6970; Client_Port=5000": {
			Delivery: Unicast, Client: Ports{5000, 5000}, Server: Ports{6970, 6970},
			Source: Address{Addr: netip.MustParseAddr("10.2.0.2")},
		},
		"x-real-rdt/udp;client_port=5000;server_port=6970;source=[2001:db8::1]": {
			Delivery: Unicast, Client: Ports{5000, 5000}, Server: Ports{6970, 6970},
			Source: Address{Addr: netip.MustParseAddr("2001:db8::1")},
		},
		"RTP/AVP/TCP;unicast;interleaved=0-1":                                      {Delivery: Interleaved},
		"RTP/AVP/TCP;unicast;client_port=5000-5001;server_port=6970-6971":          {Delivery: Interleaved},
		"RTP/AVP;multicast;destination=239.1.2.3;port=5000-5001;ttl=8":             {Delivery: Multicast},
		"RTP/AVP;unicast;client_port=5000-5001":                                    {},
		"RTP/AVP;multicast;client_port=5000-5001;server_port=5000-5001;ttl=8,next": {Delivery: Multicast},
		"": {},
	} {
		got, err := ParseTransport(value)
		got.Source.begin, got.Source.end = 0, 0
		if err != nil || got != want {
			t.Errorf("%q: got %+v, %v, want %+v", value, got, err, want)
		}
	}
}

func TestParseTransportRefused(t *testing.T) {
	for _, value := range []string{
		"RTP/AVP;client_port=53-54;server_port=6970-6971",       // A service of the client.
		"RTP/AVP;client_port=5000-5009;server_port=6970-6979",   // More than RTP and RTCP.
		"RTP/AVP;client_port=5000-5001;server_port=6970",        // Which belongs to which?
		"RTP/AVP;client_port=5001-5000;server_port=6971-6970",   // The wrong order.
		"RTP/AVP;client_port=0;server_port=0",                   // No port.
		"RTP/AVP;client_port=65536;server_port=6970",            // No port.
		"RTP/AVP;client_port=five;server_port=6970",             // No number.
		"RTP/AVP;client_port=5000-;server_port=6970-6971",       // Half a range.
		"RTP/AVP;client_port=5000-5001-2;server_port=6970-6971", // No range.
	} {
		if got, err := ParseTransport(value); !errors.Is(err, ErrPorts) {
			t.Errorf("%q: got %+v, %v", value, got, err)
		}
	}
}

func TestWithAddresses(t *testing.T) {
	const ports = "RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971"
	address := netip.MustParseAddr
	for _, c := range []struct {
		value               string
		source, destination netip.Addr
		want                string
	}{
		{ports + ";source=10.2.0.2;ssrc=1", address("192.0.2.251"), netip.Addr{}, ports + ";source=192.0.2.251;ssrc=1"},
		{ports + ";source=10.2.0.2", address("10.2.0.2"), netip.Addr{}, ""},
		{ports + "; Source= [2001:db8::1] ;x", address("fd00::1"), netip.Addr{}, ports + "; Source= [fd00::1] ;x"},
		{ports + ";destination=\"10.2.0.2\"", netip.Addr{}, address("1.1.1.1"), ports + ";destination=\"1.1.1.1\""},
		{
			ports + ";source=10.2.0.2;ttl=3;destination=10.9.9.9;y", address("1.1.1.1"), address("10.255.255.255"),
			ports + ";source=1.1.1.1;ttl=3;destination=10.255.255.255;y",
		},
		{
			ports + ";destination=10.9.9.9;source=10.2.0.2", address("1.1.1.1"), address("10.255.255.255"),
			ports + ";destination=10.255.255.255;source=1.1.1.1",
		},
		{ports + ";source=camera.example", address("1.1.1.1"), address("1.1.1.1"), ""},
		{ports, address("1.1.1.1"), address("1.1.1.1"), ""},
	} {
		parsed, err := ParseTransport(c.value)
		if err != nil {
			t.Fatal(err)
		}
		r, isChanged := parsed.WithAddresses(c.value, c.source, c.destination)
		got := ""
		if isChanged {
			got = c.value[:r.Begin] + r.Text + c.value[r.End:]
		}
		if got != c.want {
			t.Errorf("%q with %s and %s: %q, want %q", c.value, c.source, c.destination, got, c.want)
		}
	}
}

func TestTransportAt(t *testing.T) {
	for _, stream := range []string{setup, strings.ReplaceAll(setup, "\r", ""), strings.ReplaceAll(setup, ": ", ": \t")} {
		reply := Next([]byte(stream)).Reply
		if reply == nil || !strings.HasPrefix(stream[reply.TransportAt:], reply.Transport) || reply.Transport == "" {
			t.Errorf("%q: %+v", stream, reply)
		}
	}
}

func TestPairs(t *testing.T) {
	two := Transport{Delivery: Unicast, Client: Ports{65534, 65535}, Server: Ports{6970, 6971}}
	if got := two.Pairs(); !slices.Equal(got, []Pair{{65534, 6970}, {65535, 6971}}) {
		t.Errorf("pairs of %+v: %v", two, got)
	}
	two.Delivery = Interleaved
	if got := two.Pairs(); got != nil {
		t.Errorf("interleaved media have ports: %v", got)
	}
}

func FuzzNext(f *testing.F) {
	for _, seed := range []string{setup, describe, request, media, "RTSP/", "$\x00\xff\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		for len(stream) > 0 {
			item := Next(stream)
			if item.Bytes < 0 {
				t.Fatalf("an item of %d bytes", item.Bytes)
			}
			if item.Bytes == 0 && len(stream) > MaxHead {
				t.Fatalf("%d bytes are too few", len(stream))
			}
			if item.Bytes == 0 {
				return
			}
			if reply := item.Reply; reply != nil {
				_, _ = ParseTransport(reply.Transport)
				if !bytes.HasPrefix(stream[reply.TransportAt:], []byte(reply.Transport)) {
					t.Fatalf("%q is not at %d", reply.Transport, reply.TransportAt)
				}
			}
			stream = stream[min(item.Bytes, len(stream)):]
		}
	})
}

func FuzzParseTransport(f *testing.F) {
	f.Add("RTP/AVP;unicast;client_port=5000-5001;server_port=6970-6971;source=10.2.0.2")
	f.Add("RTP/AVP/TCP;interleaved=0-1")
	f.Fuzz(func(t *testing.T, value string) {
		parsed, err := ParseTransport(value)
		if err != nil {
			return
		}
		other := netip.IPv6Loopback()
		if r, isChanged := parsed.WithAddresses(value, other, other); isChanged {
			changed := value[:r.Begin] + r.Text + value[r.End:]
			if again, err := ParseTransport(changed); err != nil || again.Source.IsValid() && again.Source.Addr != other {
				t.Errorf("%q became %q: %+v, %v", value, changed, again, err)
			}
		}
		for _, p := range parsed.Pairs() {
			if p.Client < minPort || p.Server == 0 {
				t.Errorf("%q: pair %+v", value, p)
			}
		}
	})
}
