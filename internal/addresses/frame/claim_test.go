package frame

import (
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/bpf"
	"pgregory.net/rapid"
)

var (
	lan     = netip.MustParseAddr("192.168.50.1")
	lanIPv6 = netip.MustParseAddr("fd50::1")
)

func TestParseClaim(t *testing.T) {
	withoutOption := UnsolicitedAdvertisement(mac, lanIPv6)[:atNeighborOptions]
	brokenOption := append(slices.Clone(withoutOption), optionTargetLinkLayer, 0, 1, 2, 3, 4, 5, 6)
	routed := UnsolicitedAdvertisement(mac, lanIPv6)
	routed[atHopLimit] = 64
	question := arp(Request, mac, lan, MAC{}, netip.MustParseAddr("192.168.50.10"))
	tokenRing := GratuitousARP(Reply, mac, lan)
	tokenRing[atPayload+1] = 6
	for name, test := range map[string]struct {
		frame []byte
		claim Claim
		ok    bool
	}{
		"gratuitous request":           {GratuitousARP(Request, mac, lan), Claim{lan, mac}, true},
		"gratuitous reply":             {GratuitousARP(Reply, mac, lan), Claim{lan, mac}, true},
		"question to another":          {question, Claim{lan, mac}, true},
		"advertisement":                {UnsolicitedAdvertisement(mac, lanIPv6), Claim{lanIPv6, mac}, true},
		"advertisement without option": {withoutOption, Claim{lanIPv6, mac}, true},
		"advertisement, option broken": {brokenOption, Claim{lanIPv6, mac}, true},
		"advertisement from far away":  {routed, Claim{}, false},
		"solicitation of another":      {solicitation(mac, lanIPv6, squattedIPv6), Claim{lanIPv6, mac}, true},
		"solicitation without option": {
			solicitation(mac, lanIPv6, squattedIPv6)[:atNeighborOptions], Claim{lanIPv6, mac}, true,
		},
		"probe":              {ARPProbe(mac, lan), Claim{}, false},
		"probe of IPv6":      {DuplicateProbe(mac, lanIPv6), Claim{}, false},
		"not Ethernet":       {tokenRing, Claim{}, false},
		"ARP, cut":           {GratuitousARP(Reply, mac, lan)[:arpEnd-1], Claim{}, false},
		"advertisement, cut": {withoutOption[:len(withoutOption)-1], Claim{}, false},
		"nothing":            {nil, Claim{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			claim, ok := ParseClaim(test.frame)
			if ok != test.ok || ok && claim != test.claim {
				t.Errorf("%v %t", claim, ok)
			}
		})
	}
}

// squattedIPv6 is another address than the virtual one.
var squattedIPv6 = netip.MustParseAddr("fd50::99")

// solicitation returns a frame by which the station at source looks for a neighbour.
func solicitation(mac MAC, source, target netip.Addr) []byte {
	body := append([]byte{neighborSolicitation, 7: 0}, target.AsSlice()...)
	body = append(append(body, optionSourceLinkLayer, 1), mac[:]...)
	return icmpv6(ethernet(broadcast, mac, etherTypeIPv6), source.As16(), target.As16(), body)
}

func FuzzParseClaim(f *testing.F) {
	f.Add(GratuitousARP(Reply, mac, lan))
	f.Add(UnsolicitedAdvertisement(mac, lanIPv6))
	f.Fuzz(func(t *testing.T, frame []byte) {
		if claim, ok := ParseClaim(frame); ok && !claim.Address.IsValid() {
			t.Errorf("%v is claimed", claim)
		}
	})
}

// What the filter lets through, and nothing else, is read as a claim of one of its addresses.
func TestClaimFilter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addresses := rapid.SliceOfN(address, 0, 8).Draw(t, "addresses")
		vm, err := bpf.NewVM(claimsOf(addresses))
		if err != nil {
			t.Fatal(err)
		}
		about := address
		if len(addresses) > 0 {
			about = rapid.OneOf(address, rapid.SampledFrom(addresses))
		}
		f := anyFrame(t, about.Draw(t, "about"))
		passed, err := vm.Run(f)
		if err != nil {
			t.Fatal(err)
		}
		claim, ok := ParseClaim(f)
		if want := ok && slices.Contains(addresses, claim.Address); want != (passed > 0) {
			t.Errorf("passed %d bytes of %x, a claim of %s: %t", passed, f, claim.Address, want)
		}
	})
}

var address = rapid.Custom(func(t *rapid.T) netip.Addr {
	// Addresses that differ in any one of their words, and often do not differ.
	words := rapid.SliceOfN(rapid.ByteRange(1, 2), 4, 4).Draw(t, "words")
	if rapid.Bool().Draw(t, "IPv4") {
		return netip.AddrFrom4([4]byte(words))
	}
	return netip.AddrFrom16([16]byte{0xfd, 3: words[0], 7: words[1], 11: words[2], 15: words[3]})
})

func anyFrame(t *rapid.T, a netip.Addr) []byte {
	if a.Is4() {
		return rapid.SampledFrom([][]byte{
			GratuitousARP(Request, mac, a), GratuitousARP(Reply, mac, a), ARPProbe(mac, a),
		}).Draw(t, "frame")
	}
	return rapid.SampledFrom([][]byte{
		UnsolicitedAdvertisement(mac, a), DuplicateProbe(mac, a),
		solicitation(mac, a, squattedIPv6), solicitation(mac, squattedIPv6, a),
		ethernet(broadcast, mac, 0x88cc), // another protocol
	}).Draw(t, "frame")
}

// The whole filter is something that the kernel takes: short enough for its jumps, and in its encoding.
func TestClaimFilterAssembles(t *testing.T) {
	program, err := bpf.Assemble(ClaimFilter(slices.Repeat([]netip.Addr{lan, lanIPv6}, 8)))
	if err != nil || len(program) > 4096 {
		t.Errorf("%d instructions, %v", len(program), err)
	}
}
