package tns

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

const text = "(ADDRESS=(PROTOCOL=tcp)(HOST=10.2.0.2)(PORT=33427))"

// packet returns a packet of a type.
func packet(kind byte, body string) []byte {
	p := binary.BigEndian.AppendUint16(nil, uint16(headerBytes+len(body)))
	return append(append(p, 0, 0, kind, 0, 0, 0), body...)
}

func redirect(text string) []byte {
	return packet(typeRedirect, string(binary.BigEndian.AppendUint16(nil, uint16(len(text))))+text)
}

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		stream    []byte
		announced bool
		kind      Kind
		text      string
	}{
		"a redirect":                  {redirect(text), false, Redirect, text},
		"an announcement":             {redirect(""), false, Announced, ""},
		"the text in the next packet": {packet(typeData, "\x00\x40"+text), true, Redirect, text},
		"data":                        {packet(typeData, "\x00\x00select"), false, Ended, ""},
		"an acceptance":               {packet(typeAccept, "\x01\x3a"), false, Ended, ""},
		"a refusal":                   {packet(TypeRefuse, "\x22\x00"), false, Ended, ""},
		"a request to send again":     {packet(typeResend, ""), false, Other, ""},
		"a redirect without a length": {packet(typeRedirect, "\x00"), false, Other, ""},
		"no TNS: a length of 0":       {make([]byte, 8), false, Ended, ""},
		"no TNS: HTTP":                {[]byte("HTTP/1.1 200 OK\r\n"), false, Ended, ""},
	} {
		p, complete := Next(c.stream, c.announced)
		if !complete || p.Kind != c.kind || p.Text != c.text || p.Bytes < headerBytes {
			t.Errorf("%s: %+v, %t", name, p, complete)
		}
		if c.kind != Redirect {
			continue
		}
		for n := range c.stream {
			if p, complete := Next(c.stream[:n], c.announced); complete {
				t.Errorf("%s: %+v from %d of %d bytes", name, p, n, len(c.stream))
			}
		}
	}
}

func TestParseTarget(t *testing.T) {
	for text, want := range map[string]string{
		text: "10.2.0.2:33427",
		"(address=(port= 1522 )(protocol=tcp)( Host = 10.2.0.2 ))":       "10.2.0.2:1522",
		"(ADDRESS=(PROTOCOL=tcp)(HOST=2001:db8::2)(PORT=1522))":          "[2001:db8::2]:1522",
		"(ADDRESS=(HOST=::ffff:10.2.0.2)(PORT=1522))":                    "10.2.0.2:1522",
		text + "\x00(DESCRIPTION=(ADDRESS=(HOST=192.0.2.9)(PORT=1523)))": "10.2.0.2:33427",
	} {
		if got, err := ParseTarget(text); err != nil || got.Address != netip.MustParseAddrPort(want) {
			t.Errorf("%q: %v, %v; want %s", text, got.Address, err, want)
		}
	}
	for _, text := range []string{
		"", "(HOST=10.2.0.2)", "(PORT=1522)", "(HOST=db1.example.com)(PORT=1522)", "(HOST=127.0.0.1)(PORT=1522)",
		"(HOST=224.0.0.1)(PORT=1522)", "(HOST=0.0.0.0)(PORT=1522)", "(HOST=fe80::1%eth0)(PORT=1522)",
		"(HOST=10.2.0.2)(PORT=0)", "(HOST=10.2.0.2)(PORT=65536)", "(HOST=10.2.0.2)(PORT=", "(HOST=(PORT=1522))",
		"(GHOST=10.2.0.2)(PORT=1522)", "\x00" + text,
	} {
		if got, err := ParseTarget(text); !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzNext(f *testing.F) {
	f.Add(redirect(text), false)
	f.Add(packet(typeData, "\x00\x40"+text), true)
	f.Add([]byte("HTTP/1.1 200 OK\r\n"), false)
	f.Fuzz(func(t *testing.T, stream []byte, announced bool) {
		p, complete := Next(stream, announced)
		switch {
		case complete && p.Bytes < 1:
			t.Errorf("a packet of %d bytes", p.Bytes)
		case !complete && len(stream) > MaxPacket:
			t.Errorf("%d bytes are too few", len(stream))
		case p.Kind != Redirect:
			return
		}
		target, err := ParseTarget(p.Text)
		if err == nil && p.Text[target.Host.Begin:target.Host.End] == "" {
			t.Errorf("%q: a host at %+v", p.Text, target.Host)
		}
		if err == nil {
			p.WithHost(stream[:p.Bytes], target, "2001:db8::1")
		}
	})
}

func TestWithHost(t *testing.T) {
	const flags = "\x00\x40"
	for _, host := range []string{"192.0.2.251", "10.2.0.3", "::1"} {
		for name, c := range map[string]struct {
			packet    []byte
			announced bool
			want      func(text string) []byte
		}{
			"in one packet": {redirect(text), false, redirect},
			"in the next packet": {packet(typeData, flags+text), true, func(s string) []byte {
				return packet(typeData, flags+s)
			}},
		} {
			p, _ := Next(c.packet, c.announced)
			target, err := ParseTarget(p.Text)
			if err != nil {
				t.Fatal(err)
			}
			bytes, replaced := p.WithHost(c.packet, target, host)
			want := c.want(strings.Replace(text, "10.2.0.2", host, 1))
			if got := slices.Concat(bytes, c.packet[replaced:]); string(got) != string(want) {
				t.Errorf("%s, host %s: %q, want %q", name, host, got, want)
			}
		}
	}
	p, _ := Next(redirect(text), false)
	target, _ := ParseTarget(p.Text)
	if bytes, _ := p.WithHost(redirect(text), target, strings.Repeat("x", MaxPacket)); bytes != nil {
		t.Errorf("a packet of %d bytes", len(bytes))
	}
}
