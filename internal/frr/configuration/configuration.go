package configuration

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/firewall/document"
)

// Config is what FRR gets.
type Config struct {
	// Protocols are the protocols to run, as package frr names them; none without dynamic routing.
	Protocols []string
	// Text is the content of frr.conf.
	Text string
	// Faults are entries of the Secret that cannot be used. What needs them is left out.
	Faults []string
}

// Hash returns a value that differs for two configurations that differ.
func (c Config) Hash() [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q", c.Protocols, c.Text))
}

// Compile returns the configuration for a document and the entries of the Secret. Lines of raw come last.
func Compile(d document.Document, secret map[string][]byte) Config {
	dynamic := d.Routing.Dynamic
	if !dynamic.IsEnabled() {
		return Config{}
	}
	c := compiler{document: d, dynamic: dynamic, secret: secret}
	c.addFilters()
	c.addInterfaces()
	c.addOSPF()
	c.addOSPFv3()
	c.addRIP()
	c.addRIPng()
	c.addBGP()
	if dynamic.Raw != "" {
		c.text.WriteString("! The lines of raw.\n" + strings.TrimRight(dynamic.Raw, "\n") + "\n")
	}
	return Config{Protocols: protocolsOf(dynamic), Text: c.text.String(), Faults: c.faults}
}

func protocolsOf(d document.DynamicRouting) (names []string) {
	for _, p := range []struct {
		name      string
		isEnabled bool
	}{
		{"bgp", d.BGP.IsEnabled()},
		{"ospf", d.OSPF.IsEnabled()},
		{"ospf6", d.OSPFv3.IsEnabled()},
		{"rip", d.RIP.IsEnabled()},
		{"ripng", d.RIPng.IsEnabled()},
	} {
		if p.isEnabled {
			names = append(names, p.name)
		}
	}
	return names
}

// compiler writes the configuration.
type compiler struct {
	document document.Document
	dynamic  document.DynamicRouting
	secret   map[string][]byte
	text     strings.Builder
	faults   []string
}

// line writes a command of the top level.
func (c *compiler) line(format string, args ...any) { fmt.Fprintf(&c.text, format+"\n", args...) }

// block writes commands below another one, if there are some.
func (c *compiler) block(head string, commands []string) {
	if len(commands) == 0 {
		return
	}
	c.line("%s", head)
	for _, command := range commands {
		c.line(" %s", command)
	}
	c.line("exit")
}

// interfaces returns the interfaces that carry traffic, in the order of the zones.
func (c *compiler) interfaces() (names []string) {
	for _, z := range c.document.Zones {
		for _, name := range z.Interfaces {
			if name != contract.TunnelInterface {
				names = append(names, name)
			}
		}
	}
	return names
}

// hasDefault reports whether the unit has a default route of a family at all times, by the document.
func (c *compiler) hasDefault(family document.Families) bool {
	return c.document.WAN.HasGateway(family) ||
		slices.ContainsFunc(c.document.Routing.Routes, func(r document.Route) bool {
			return r.To.Bits() == 0 && r.To.Addr().Is4() == (family == document.IPv4)
		})
}
