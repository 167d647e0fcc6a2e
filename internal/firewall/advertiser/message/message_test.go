package message_test

import (
	"bytes"
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/hapair-io/hapair/internal/firewall/advertiser/message"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

var (
	routerMAC = message.MAC{0, 0, 0x5e, 0, 2, 7}
	network   = document.AdvertisedNetwork{
		Interface: "lan", Address: netip.MustParseAddr("fe80::1"), Preference: document.PreferenceHigh, MTU: 1400,
		OtherConfiguration: true, IntervalSeconds: 200,
		Prefixes: []document.AdvertisedPrefix{
			{Prefix: netip.MustParsePrefix("2001:db8:50::/64"), ValidSeconds: 7200},
			{Prefix: netip.MustParsePrefix("fd50::/48"), Autonomous: document.AdvertisedDisabled},
		},
		DNSServers:    []netip.Addr{netip.MustParseAddr("2001:db8::53")},
		SearchDomains: []string{"example.com", "ab.example"},
	}
)

// parts joins the parts of a frame that are written in hexadecimal with blanks.
func parts(t *testing.T, texts ...string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(strings.Join(texts, ""), " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The bytes are those of RFC 4861 (sections 4.2 and 4.6), RFC 4191 and RFC 8106.
func TestAdvertisement(t *testing.T) {
	const (
		header = "333300000001 00005e000207 86dd" + "60000000 00%% 3a ff" +
			"fe80 0000 0000 0000 0000 0000 0000 0001" + "ff02 0000 0000 0000 0000 0000 0000 0001"
		source   = "01 01 00005e000207"
		mtu      = "05 01 0000 00000578"
		prefixes = "03 04 40 c0 00001c20 00001c20 00000000 2001 0db8 0050 0000 0000 0000 0000 0000" +
			"03 04 30 80 00278d00 00093a80 00000000 fd50 0000 0000 0000 0000 0000 0000 0000"
		servers = " 2001 0db8 0000 0000 0000 0000 0000 0053"
		domains = " 07 6578616d706c65 03 636f6d 00" + "02 6162 07 6578616d706c65 00" + "0000 0000 0000 00"
	)
	for name, c := range map[string]struct {
		isFinal bool
		want    []string
	}{
		"all": {false, []string{
			"86 00 ---- 40 48 0258 00000000 00000000", source, mtu, prefixes,
			"19 03 0000 00000258", servers, "1f 05 0000 00000258", domains,
		}},
		"the final one": {true, []string{
			"86 00 ---- 40 40 0000 00000000 00000000", source, mtu,
			"19 03 0000 00000000", servers, "1f 05 0000 00000000", domains,
		}},
	} {
		got, err := message.Advertisement(network, routerMAC, c.isFinal)
		if err != nil {
			t.Fatal(err)
		}
		body := strings.ReplaceAll(strings.Join(c.want, ""), "----", hex.EncodeToString(got[56:58]))
		length := hex.EncodeToString([]byte{byte(len(parts(t, body)))})
		want := parts(t, strings.ReplaceAll(header, "%%", length), body)
		if !bytes.Equal(got, want) {
			t.Errorf("%s:\n%x, want\n%x", name, got, want)
		}
		if sum := sumOf(got); sum != 0xffff {
			t.Errorf("%s: the sum over the message is %#x", name, sum)
		}
	}
}

// sumOf returns the sum over an ICMPv6 message with its pseudo-header, one byte after the other (RFC 1071).
func sumOf(frame []byte) uint16 {
	pseudo := append(bytes.Clone(frame[22:54]), 0, 0, frame[18], frame[19], 0, 0, 0, 58)
	sum := 0
	for i, b := range append(pseudo, frame[54:]...) {
		sum += int(b) << (8 * (1 - i%2))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// Without a default router, the preference must be medium (RFC 4191, section 2.2).
func TestNoDefaultRouter(t *testing.T) {
	n := network
	n.DefaultRouter = document.AdvertisedDisabled
	f, err := message.Advertisement(n, routerMAC, false)
	if err != nil {
		t.Fatal(err)
	}
	if flags, lifetime := f[59], f[60:62]; flags != 0x40 || lifetime[0] != 0 || lifetime[1] != 0 {
		t.Errorf("flags %#x, lifetime %x", flags, lifetime)
	}
}

// The longest document fits a packet of the smallest MTU.
func TestTheLongestFits(t *testing.T) {
	n := network
	n.Prefixes, n.DNSServers, n.SearchDomains = nil, nil, nil
	for i := range 8 {
		p := netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, byte(i)}), 64)
		n.Prefixes = append(n.Prefixes, document.AdvertisedPrefix{Prefix: p})
	}
	for range 4 {
		n.DNSServers = append(n.DNSServers, netip.MustParseAddr("2001:db8::53"))
		n.SearchDomains = append(n.SearchDomains, strings.Repeat("a", 58))
	}
	f, err := message.Advertisement(n, routerMAC, false)
	if err != nil || len(f) > 14+1280 {
		t.Errorf("%d bytes, %v", len(f), err)
	}
}

// solicitation returns a frame of a host as Linux sends it.
func solicitation(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString("333300000002" + "02005e100077" + "86dd" + "60000000" + "0010" + "3aff" +
		"fe8000000000000000005efffe100077" + "ff020000000000000000000000000002" +
		"8500" + "0000" + "00000000" + "0101" + "02005e100077")
	if err != nil {
		t.Fatal(err)
	}
	return withChecksum(b)
}

// withChecksum sets the checksum of an ICMPv6 message.
func withChecksum(f []byte) []byte {
	f[56], f[57] = 0, 0
	sum := ^sumOf(f)
	f[56], f[57] = byte(sum>>8), byte(sum)
	return f
}

func TestCheckSolicitation(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f []byte) []byte
		want   bool
	}{
		"of Linux":               {func(f []byte) []byte { return f }, true},
		"with padding":           {func(f []byte) []byte { return append(f, 0, 0, 0) }, true},
		"without options":        {func(f []byte) []byte { f[19] = 8; return withChecksum(f[:62]) }, true},
		"an unspecified source":  {func(f []byte) []byte { clear(f[22:38]); f[19] = 8; return withChecksum(f[:62]) }, true},
		"that has a station":     {func(f []byte) []byte { clear(f[22:38]); return withChecksum(f) }, false},
		"of a group":             {func(f []byte) []byte { f[22] = 0xff; return withChecksum(f) }, false},
		"from beyond the link":   {func(f []byte) []byte { f[21] = 254; return f }, false},
		"a code":                 {func(f []byte) []byte { f[55] = 1; return withChecksum(f) }, false},
		"a wrong checksum":       {func(f []byte) []byte { f[57] ^= 1; return f }, false},
		"an advertisement":       {func(f []byte) []byte { f[54] = 134; return withChecksum(f) }, false},
		"an option of length 0":  {func(f []byte) []byte { f[63] = 0; return withChecksum(f) }, false},
		"an option cut off":      {func(f []byte) []byte { f[63] = 2; return withChecksum(f) }, false},
		"a header of extensions": {func(f []byte) []byte { f[20] = 60; return f }, false},
		"too long a payload":     {func(f []byte) []byte { f[19] = 17; return f }, false},
		"too short a payload":    {func(f []byte) []byte { f[19] = 4; return withChecksum(f) }, false},
		"IPv4":                   {func(f []byte) []byte { f[12], f[13] = 8, 0; return f }, false},
		"too long a frame":       {func(f []byte) []byte { return append(f, make([]byte, 512)...) }, false},
		"nothing":                {func([]byte) []byte { return nil }, false},
	} {
		if err := message.CheckSolicitation(c.change(solicitation(t))); (err == nil) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzCheckSolicitation(f *testing.F) {
	f.Add([]byte{})
	f.Add(solicitation(f))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if message.CheckSolicitation(frame) == nil && (frame[54] != 133 || frame[21] != 255 || sumOf(frame) != 0xffff &&
			int(frame[18])<<8|int(frame[19]) == len(frame)-54) {
			t.Errorf("%x is taken for a solicitation", frame)
		}
	})
}

// The filter passes solicitations alone. The virtual machine of x/net has no extensions for packets that go out, so
// these are cut out here.
func TestFilter(t *testing.T) {
	var program []bpf.Instruction
	for _, i := range message.Filter() {
		if _, ok := i.(bpf.LoadExtension); ok {
			i = bpf.LoadConstant{Val: 0}
		}
		program = append(program, i)
	}
	machine, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	ask := solicitation(t)
	other, four := bytes.Clone(ask), bytes.Clone(ask)
	other[54], four[12] = 134, 8
	for name, c := range map[string]struct {
		frame []byte
		want  bool
	}{
		"a solicitation": {ask, true}, "an advertisement": {other, false}, "IPv4": {four, false}, "a stub": {ask[:20], false},
	} {
		if n, err := machine.Run(c.frame); err != nil || (n > 0) != c.want {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
}
