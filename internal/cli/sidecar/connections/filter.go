// Package connections is the command line that lists and ends tracked connections of the active unit.
package connections

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/kernel/conntrack"
)

// filter selects connections. Each part that is set must match.
type filter struct {
	source, destination *document.Block
	protocol            uint8
	ports               *document.PortRange
	// all selects every connection.
	all bool
	// own are addresses of the unit outside of the segments. Connections with them are never selected: the unit itself
	// needs them.
	own []netip.Addr
}

// flags are the texts of a filter.
type flags struct {
	source, destination, protocol, port string
	all                                 bool
}

var errNoFilter = errors.New("nothing selects connections; set --source, --destination, --protocol or --port, " +
	"or --all for every connection")

// protocols are the names of protocols. Other ones are given by their number.
var protocols = map[string]uint8{
	"icmp": conntrack.ProtocolICMP, "icmpv6": conntrack.ProtocolICMPv6, "tcp": conntrack.ProtocolTCP,
	"udp": conntrack.ProtocolUDP, "sctp": conntrack.ProtocolSCTP, "gre": conntrack.ProtocolGRE, "esp": 50, "ah": 51,
}

// parse returns the filter that flags describe.
func (f flags) parse() (filter, error) {
	parsed := filter{all: f.all}
	var errs []error
	for _, address := range []struct {
		flag, text string
		to         **document.Block
	}{{"--source", f.source, &parsed.source}, {"--destination", f.destination, &parsed.destination}} {
		if address.text == "" {
			continue
		}
		block, err := document.ParseBlock(address.text)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", address.flag, err))
		}
		*address.to = &block
	}
	if f.protocol != "" {
		number, known := protocols[strings.ToLower(f.protocol)]
		if !known {
			parsed, err := strconv.ParseUint(f.protocol, 10, 8)
			if err != nil || parsed == 0 {
				errs = append(errs, fmt.Errorf("--protocol: %q is neither a number from 1 to 255 nor one of ah, esp, gre, icmp, "+
					"icmpv6, sctp, tcp and udp", f.protocol))
			}
			number = uint8(parsed)
		}
		parsed.protocol = number
	}
	if f.port != "" {
		ports, err := document.ParsePortRange(f.port)
		if err != nil {
			errs = append(errs, fmt.Errorf("--port: %w", err))
		}
		parsed.ports = &ports
	}
	isEmpty := f == flags{all: f.all}
	switch {
	case isEmpty && !f.all:
		errs = append(errs, errNoFilter)
	case !isEmpty && f.all:
		errs = append(errs, errors.New("--all selects every connection; leave it out, or the other flags"))
	}
	return parsed, errors.Join(errs...)
}

// selects reports whether the filter selects a connection. Ends match by their address before or after translation.
func (f filter) selects(c *conntrack.Flow) bool {
	for _, a := range []netip.Addr{c.Orig.Src, c.Orig.Dst, c.Reply.Src, c.Reply.Dst} {
		if a.IsLoopback() || slices.Contains(f.own, a) {
			return false
		}
	}
	return (f.protocol == 0 || f.protocol == c.Orig.Protocol) &&
		has(f.source, c.Orig.Src, c.Reply.Dst) && has(f.destination, c.Orig.Dst, c.Reply.Src) &&
		(f.ports == nil || c.Orig.HasPorts() && (contains(*f.ports, c.Orig.DstPort) || contains(*f.ports, c.Reply.SrcPort)))
}

func has(block *document.Block, addresses ...netip.Addr) bool {
	return block == nil || slices.ContainsFunc(addresses, func(a netip.Addr) bool {
		return a.Is4() == block.First.Is4() && block.First.Compare(a) <= 0 && a.Compare(block.Last) <= 0
	})
}

func contains(ports document.PortRange, port uint16) bool {
	return ports.First <= port && port <= ports.Last
}
