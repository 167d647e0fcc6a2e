package document

import (
	"fmt"
	"slices"
	"strings"
)

// Proposal is a combination of algorithms, with '-' between them.
type Proposal string

// DefaultIKEProposals returns the proposals of a tunnel that has none of its own.
func DefaultIKEProposals() []Proposal {
	return []Proposal{
		"aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-ecp256",
		"aes256-sha384-ecp384", "aes256-sha256-x25519", "aes256-sha256-modp3072", "aes128-sha256-ecp256",
		"aes256-sha256-modp2048",
	}
}

// DefaultESPProposals returns the proposals for the packets of such a tunnel. The last ones are for peers that give a
// tunnel its first keys, which never need a group, and would refuse all later ones.
func DefaultESPProposals() []Proposal {
	return []Proposal{
		"aes256gcm16-ecp384", "aes256gcm16-x25519", "aes128gcm16-ecp256", "aes256-sha256-ecp256",
		"aes256-sha256-modp3072", "aes256-sha256-modp2048",
		"aes256gcm16", "aes128gcm16", "aes256-sha256",
	}
}

// The algorithms that the image of the IKE daemon has, and that are not known to be weak.
var (
	combinedCiphers = []string{"aes128gcm16", "aes192gcm16", "aes256gcm16", "chacha20poly1305"}
	ciphers         = []string{"aes128", "aes192", "aes256"}
	integrities     = []string{"sha256", "sha384", "sha512"}
	functions       = []string{"prfsha256", "prfsha384", "prfsha512"}
	groups          = []string{
		"modp2048", "modp3072", "modp4096", "modp6144", "modp8192", "ecp256", "ecp384", "ecp521", "x25519", "curve25519",
	}
)

// weakAlgorithms are those that other gateways have, and that people will try.
var weakAlgorithms = []string{
	"des", "3des", "blowfish128", "cast128", "null", "md5", "sha1", "sha", "prfmd5", "prfsha1", "modp768", "modp1024",
	"modp1536",
}

// parts are the algorithms of a proposal, by their kind.
type parts struct{ combined, cipher, integrity, function, group []string }

// split sorts the algorithms of a proposal by kind. It returns an error for the first that is not allowed.
func (p Proposal) split() (found parts, err error) {
	for _, algorithm := range strings.Split(string(p), "-") {
		switch {
		case slices.Contains(combinedCiphers, algorithm):
			found.combined = append(found.combined, algorithm)
		case slices.Contains(ciphers, algorithm):
			found.cipher = append(found.cipher, algorithm)
		case slices.Contains(integrities, algorithm):
			found.integrity = append(found.integrity, algorithm)
		case slices.Contains(functions, algorithm):
			found.function = append(found.function, algorithm)
		case slices.Contains(groups, algorithm):
			found.group = append(found.group, algorithm)
		case slices.Contains(weakAlgorithms, algorithm):
			return parts{}, fmt.Errorf("%q has the algorithm %s, which is weak; use AES, SHA-2 and a group of at least "+
				"2048 bits", p, algorithm)
		default:
			return parts{}, fmt.Errorf("%q has the unknown algorithm %q; known are: %s", p, algorithm, strings.Join(
				slices.Concat(combinedCiphers, ciphers, integrities, functions, groups), ", "))
		}
	}
	return found, nil
}

// check returns why a proposal for IKE or for ESP is not complete, or has too much.
func (p Proposal) check(isIKE bool) error {
	found, err := p.split()
	if err != nil {
		return err
	}
	switch {
	case len(found.combined)+len(found.cipher) != 1:
		return fmt.Errorf("%q must have one cipher, as in aes256gcm16", p)
	case len(found.combined) == 1 && len(found.integrity) > 0:
		return fmt.Errorf("%q must not have %s, since %s authenticates packets itself; remove it",
			p, found.integrity[0], found.combined[0])
	case len(found.cipher) == 1 && len(found.integrity) != 1:
		return fmt.Errorf("%q must have one of %s with %s", p, strings.Join(integrities, ", "), found.cipher[0])
	case isIKE && len(found.combined) == 1 && len(found.function) != 1:
		return fmt.Errorf("%q must have one of %s with %s", p, strings.Join(functions, ", "), found.combined[0])
	case isIKE && len(found.function) > 1, !isIKE && len(found.function) > 0:
		return fmt.Errorf("%q has %s, which does not belong there; remove it", p, found.function[len(found.function)-1])
	case isIKE && len(found.group) != 1:
		return fmt.Errorf("%q must have one Diffie-Hellman group, as in ecp384", p)
	case len(found.group) > 1:
		return fmt.Errorf("%q has several Diffie-Hellman groups; make a proposal of each", p)
	}
	return nil
}
