package contract_test

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// withAddresses returns the validation of settings whose first two networks have these virtual addresses.
func withAddresses(first, second []string) error {
	s := whole()
	for i, texts := range [][]string{first, second} {
		s.Networks[i].VirtualAddresses = nil
		for _, text := range texts {
			s.Networks[i].VirtualAddresses = append(s.Networks[i].VirtualAddresses, netip.MustParsePrefix(text))
		}
	}
	return s.Validate()
}

func TestVirtualAddressesOfHostsAreAccepted(t *testing.T) {
	for _, text := range []string{
		"192.0.2.1/24", "192.0.2.254/24", "10.0.0.255/8", "10.255.255.254/8", "192.0.2.255/23", "192.0.3.0/23",
		"203.0.113.0/31", "203.0.113.1/31", "203.0.113.255/31", "203.0.113.0/32", "203.0.113.255/32", "203.0.113.1/30",
		"169.254.1.1/16", "100.64.0.1/10", "2001:db8::1/64", "2001:db8::/127", "2001:db8::1/127", "2001:db8::/128",
		"2001:db8::ffff:ffff:ffff:ffff/64", "fd50::1/64", "fe80::1/64", "fe80::1/10",
	} {
		if err := withAddresses([]string{text}, nil); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	local := []string{"fe80::1/64", "169.254.0.1/16"}
	if err := withAddresses(local, local); err != nil {
		t.Errorf("a link-local address on two links: %v", err)
	}
}

func TestVirtualAddressesThatNoHostCanHaveAreRefused(t *testing.T) {
	for text, why := range map[string]string{
		"192.0.2.0/24": "is the address of its network", "192.0.2.255/24": "is the broadcast address",
		"10.255.255.255/8": "is the broadcast address", "192.0.3.255/23": "is the broadcast address",
		"203.0.113.3/30": "is the broadcast address", "203.0.113.128/25": "is the address of its network",
		"169.254.255.255/16": "is the broadcast address",
		"2001:db8::/64":      "is the address of its network", "fe80::/64": "is the address of its network",
		"127.0.0.1/8": "is loopback", "::1/128": "is loopback", "0.0.0.0/0": "unspecified", "::/128": "unspecified",
		"224.0.0.18/24": "multicast", "ff02::12/64": "multicast", "255.255.255.255/32": "reserved", "0.1.2.3/24": "reserved",
		"240.0.0.1/24": "reserved", "192.0.2.1/0": "prefix length", "2001:db8::1/0": "prefix length",
		"::ffff:192.0.2.1/120": "not an address",
	} {
		err := withAddresses([]string{"198.51.100.7/24", text}, nil)
		if err == nil || !strings.Contains(err.Error(), "networks[0].virtualAddresses[1]: ") ||
			!strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "as in 192.0.2.1/24") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestVirtualAddressIsOnOneNetworkOnly(t *testing.T) {
	for _, test := range []struct {
		first, second []string
		want          string
	}{
		{[]string{"192.0.2.1/24"}, []string{"192.0.2.1/25"}, "networks[1].virtualAddresses[0]: 192.0.2.1 is also a virtual"},
		{[]string{"fd50::1/64"}, []string{"fd51::1/64", "fd50::1/64"}, "networks[1].virtualAddresses[1]: fd50::1 is also"},
		{[]string{"fe80::1/64", "fe80::1/10"}, nil, "networks[0].virtualAddresses[1]: fe80::1 is listed twice"},
	} {
		if err := withAddresses(test.first, test.second); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v and %v: %v", test.first, test.second, err)
		}
	}
}

// The broadcast address is the one before the next network.
func TestBroadcastAddressByItsSuccessor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		octets := rapid.SliceOfN(rapid.SampledFrom([]byte{1, 63, 64, 127, 128, 191, 254, 255}), 4, 4).Draw(t, "octets")
		octets[0] = rapid.ByteRange(128, 191).Draw(t, "first")
		p := netip.PrefixFrom(netip.AddrFrom4([4]byte(octets)), rapid.IntRange(3, 30).Draw(t, "bits"))
		err := withAddresses([]string{p.String()}, nil)
		isLast := !p.Contains(p.Addr().Next())
		if isLast != (err != nil && strings.Contains(err.Error(), "broadcast")) {
			t.Errorf("%s: %v", p, err)
		}
	})
}
