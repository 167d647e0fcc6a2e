package contract

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

func (s Settings) validateNetworks() []error {
	var errs []error
	if len(s.Networks) == 0 || len(s.Networks) > MaxMonitored {
		errs = append(errs, fmt.Errorf("networks: there are %d; at least 1 and at most %d are needed",
			len(s.Networks), MaxMonitored))
	}
	interfaces, addresses, virtual := map[string]bool{}, map[string]bool{}, seenAddresses{}
	for i, n := range s.Networks {
		switch {
		case n.Interface == "":
			errs = append(errs, fmt.Errorf("networks[%d].interface must be set", i))
		case interfaces[n.Interface]:
			errs = append(errs, fmt.Errorf("networks[%d].interface: another network has %s too; name each once",
				i, n.Interface))
		}
		interfaces[n.Interface] = true
		if len(n.VirtualAddresses) > MaxVirtualAddresses {
			errs = append(errs, fmt.Errorf(
				"networks[%d].virtualAddresses: there are %d, and at most %d are possible; remove some",
				i, len(n.VirtualAddresses), MaxVirtualAddresses))
		}
		for j, a := range n.VirtualAddresses {
			err := checkVirtualAddress(a)
			if err == nil {
				err = virtual.check(n.Interface, a.Addr())
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("networks[%d].virtualAddresses[%d]: %w", i, j, err))
			}
		}
		if n.VirtualMAC == "" {
			continue
		}
		normal, err := parseMAC(n.VirtualMAC)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("networks[%d].virtualMAC: %w", i, err))
		case addresses[normal]:
			errs = append(errs, fmt.Errorf("networks[%d].virtualMAC: another network has %s too; choose another",
				i, n.VirtualMAC))
		}
		addresses[normal] = true
	}
	return errs
}

// parseMAC checks a unicast MAC address in colon notation and returns it in lower case, in which it can be compared.
func parseMAC(text string) (string, error) {
	octets, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	switch {
	case err != nil, len(octets) != 6, len(text) != len("02:00:5e:10:00:01"), !hasColonsBetweenOctets(text):
		return "", fmt.Errorf("%q is not a MAC address, as in 02:00:5e:10:00:01", text)
	case octets[0]&1 != 0:
		return "", fmt.Errorf("%q is a multicast address; choose one whose first octet is even", text)
	case !slices.ContainsFunc(octets, func(octet byte) bool { return octet != 0 }):
		return "", fmt.Errorf("%q is all zeros; choose another", text)
	}
	return strings.ToLower(text), nil
}

func hasColonsBetweenOctets(text string) bool {
	for i := 2; i < len(text); i += 3 {
		if text[i] != ':' {
			return false
		}
	}
	return true
}
