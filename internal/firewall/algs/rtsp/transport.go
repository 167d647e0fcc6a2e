package rtsp

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ErrPorts reports a transport whose ports a gateway must not open.
var ErrPorts = errors.New("ports that no RTSP client uses")

// Delivery is how media get to the client.
type Delivery uint8

// The ways of delivery.
const (
	// Other is a transport without ports of both sides.
	Other Delivery = iota
	// Unicast sends UDP to ports of the client.
	Unicast
	// Interleaved sends the media in the control connection.
	Interleaved
	// Multicast sends UDP to a group.
	Multicast
)

// Transport is what client and server agreed on.
type Transport struct {
	Delivery Delivery
	// Client and Server are the ports of both sides, of equal number.
	Client, Server Ports
	// Source is the address that the server sends from, and Destination the one that it sends to, if it names them.
	Source, Destination Address
}

// Address is an address at a place in the value of the header field. A name is no address.
type Address struct {
	netip.Addr
	begin, end int
}

// Ports is an inclusive range of one or two ports: that of RTP, and that of RTCP.
type Ports struct{ First, Last uint16 }

// minPort is the lowest port that a client may ask media for. A server must not reach other services of its client.
const minPort = 1024

// ParseTransport parses the header field of a reply (RFC 2326, section 12.39).
func ParseTransport(value string) (t Transport, err error) {
	value, _, _ = strings.Cut(value, ",") // A reply has one transport. Further ones would be alternatives.
	protocol, parameters, _ := strings.Cut(value, ";")
	end := len(protocol)
	t.Delivery = Unicast
	if strings.HasSuffix(strings.ToUpper(strings.TrimSpace(protocol)), "/TCP") {
		t.Delivery = Interleaved
	}
	for parameter := range strings.SplitSeq(parameters, ";") {
		end += len(";") + len(parameter)
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		switch strings.ToLower(name) {
		case "multicast":
			t.Delivery = Multicast
		case "interleaved":
			t.Delivery = Interleaved
		case "client_port":
			t.Client, err = parsePorts(value)
		case "server_port":
			t.Server, err = parsePorts(value)
		case "source":
			t.Source = parseAddress(parameter, end)
		case "destination":
			t.Destination = parseAddress(parameter, end)
		}
		if err != nil {
			return Transport{}, fmt.Errorf("parameter %s of transport: %w", name, err)
		}
	}
	if t.Delivery != Unicast {
		return Transport{Delivery: t.Delivery}, nil
	}
	switch {
	case t.Client == (Ports{}) || t.Server == (Ports{}):
		return Transport{Delivery: Other}, nil
	case t.Client.count() != t.Server.count():
		return Transport{}, fmt.Errorf("%w: %d of the client, %d of the server", ErrPorts, t.Client.count(), t.Server.count())
	case t.Client.First < minPort:
		return Transport{}, fmt.Errorf("%w: port %d of the client", ErrPorts, t.Client.First)
	}
	return t, nil
}

// parseAddress parses the address in a parameter that ends at an offset. It is not valid for a name.
func parseAddress(parameter string, end int) (a Address) {
	_, value, _ := strings.Cut(parameter, "=")
	const around = " \t\"[]"
	a.end = end - len(value) + len(strings.TrimRight(value, around))
	value = strings.Trim(value, around)
	a.begin = a.end - len(value)
	a.Addr, _ = netip.ParseAddr(value)
	a.Addr = a.Unmap()
	return a
}

// Replacement is a text for a part of a value.
type Replacement struct {
	Begin, End int
	Text       string
}

// WithAddresses returns what has to be replaced in the value of the transport, so that it has other addresses. An
// invalid address stands for the present one.
func (t Transport) WithAddresses(value string, source, destination netip.Addr) (r Replacement, isChanged bool) {
	type named struct {
		present Address
		other   netip.Addr
	}
	both := []named{{t.Source, source}, {t.Destination, destination}}
	if t.Source.begin > t.Destination.begin {
		both[0], both[1] = both[1], both[0]
	}
	for _, n := range both {
		if !n.present.IsValid() || !n.other.IsValid() || n.present.Addr == n.other {
			continue
		}
		if !isChanged {
			r.Begin = n.present.begin
		} else {
			r.Text += value[r.End:n.present.begin]
		}
		r.Text, r.End, isChanged = r.Text+n.other.String(), n.present.end, true
	}
	return r, isChanged
}

func parsePorts(text string) (p Ports, err error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	numbers := [2]uint16{}
	for i, number := range []string{first, last} {
		n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 16)
		if err != nil || n == 0 {
			return p, fmt.Errorf("%w: %q", ErrPorts, text)
		}
		numbers[i] = uint16(n)
	}
	p = Ports{First: numbers[0], Last: numbers[1]}
	if c := p.count(); c < 1 || c > 2 {
		return Ports{}, fmt.Errorf("%w: %q", ErrPorts, text)
	}
	return p, nil
}

func (p Ports) count() int { return int(p.Last) - int(p.First) + 1 }

// Pair is a port of the client and the port of the server that belongs to it.
type Pair struct{ Client, Server uint16 }

// Pairs returns the ports of unicast media. The first pair is that of RTP.
func (t Transport) Pairs() (pairs []Pair) {
	if t.Delivery != Unicast {
		return nil
	}
	for i := range uint16(t.Client.count()) { //nolint:gosec // The count is 1 or 2.
		pairs = append(pairs, Pair{t.Client.First + i, t.Server.First + i})
	}
	return pairs
}
