package configuration

import (
	"bytes"
	"fmt"

	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Bounds of keys. OSPF and RIP authenticate with MD5, whose keys have at most 16 bytes (RFC 2328, appendix D.3).
const (
	maxKeyBytes      = 16
	maxPasswordBytes = 80
)

// CheckSecret returns which entries of a Secret cannot be used, each with the path of the field that names it. It
// returns no value.
func CheckSecret(d document.DynamicRouting, secret map[string][]byte) (problems []document.Problem) {
	passwords := map[document.SecretKey]bool{}
	for _, n := range d.BGP.Neighbours {
		passwords[n.PasswordKey] = true
	}
	for _, r := range d.SecretReferences() {
		most := maxKeyBytes
		if passwords[r.Key] {
			most = maxPasswordBytes
		}
		if reason := checkEntry(secret, r.Key, most); reason != "" {
			problems = append(problems, document.Problem{Path: r.Field, Message: reason})
		}
	}
	return problems
}

// checkEntry returns why an entry cannot be used; empty if it can. A key is a word of a command.
func checkEntry(secret map[string][]byte, key document.SecretKey, most int) string {
	value, ok := secret[string(key)]
	value = trim(value)
	isStrange := func(r rune) bool { return r <= ' ' || r > '~' }
	switch {
	case !ok:
		return fmt.Sprintf("the Secret has no entry %q; add it, or correct the name", key)
	case len(value) == 0:
		return fmt.Sprintf("the entry %q of the Secret is empty; set it", key)
	case len(value) > most:
		return fmt.Sprintf("the entry %q of the Secret has %d bytes, at most %d are possible", key, len(value), most)
	case bytes.ContainsFunc(value, isStrange):
		return fmt.Sprintf("the entry %q of the Secret has other characters than printable ones of ASCII without spaces", key)
	default:
		return ""
	}
}

// trim removes the line break that editors and echo add.
func trim(value []byte) []byte { return bytes.TrimRight(value, "\r\n") }

// key returns the value of an entry. If it cannot be used, that is a fault.
func (c *compiler) key(key document.SecretKey, most int) (value string, ok bool) {
	if reason := checkEntry(c.secret, key, most); reason != "" {
		c.faults = append(c.faults, reason)
		return "", false
	}
	return string(trim(c.secret[string(key)])), true
}
