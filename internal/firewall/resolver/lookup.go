package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/contract"
)

const (
	// maxAddresses bounds the addresses of one name.
	maxAddresses = 64
	// maxAliases bounds the aliases (CNAME) between a name and its addresses.
	maxAliases = 16
	// exchangeTimeout bounds one question to one server.
	exchangeTimeout = 2 * time.Second
	// datagramBytes is the size of answers that servers may send in a datagram (RFC 6891). It fits every path.
	datagramBytes = 1232
)

// answer is the addresses of a name, and how long they are valid.
type answer struct {
	addresses []netip.Addr
	ttl       time.Duration
}

// client asks DNS servers.
type client struct {
	// servers are asked in order until one answers.
	servers []string
	// isDataPlane sends by the routes of the traffic that the unit forwards, and otherwise by the pod network.
	isDataPlane bool
}

// lookUp returns the addresses of a name, of both families. It fails if no server answers for both. The addresses of
// the family that was answered are returned nevertheless.
func (c client) lookUp(ctx context.Context, name string) (answer, error) {
	var (
		all  = answer{ttl: maxTTL}
		errs []error
	)
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		found, err := c.ask(ctx, name, kind)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		all.addresses = append(all.addresses, found.addresses...)
		all.ttl = min(all.ttl, found.ttl)
	}
	if len(all.addresses) == 0 {
		all.ttl = minTTL
	}
	slices.SortFunc(all.addresses, netip.Addr.Compare)
	all.addresses = slices.Compact(all.addresses)
	all.addresses, all.ttl = all.addresses[:min(len(all.addresses), maxAddresses)], clampTTL(all.ttl)
	return all, errors.Join(errs...)
}

// ask asks one server after the other for records of one kind.
func (c client) ask(ctx context.Context, name string, kind uint16) (answer, error) {
	errs := []error{fmt.Errorf("no resolver answers for %s records of %s", dns.TypeToString[kind], name)}
	for _, server := range c.servers {
		response, err := c.exchange(ctx, server, name, kind)
		if err == nil {
			return read(response, name), nil
		}
		errs = append(errs, fmt.Errorf("asking %s: %w", server, err))
	}
	return answer{}, errors.Join(errs...)
}

// exchange asks one server, and asks again over TCP if the answer does not fit a datagram.
func (c client) exchange(ctx context.Context, server, name string, kind uint16) (*dns.Msg, error) {
	question := new(dns.Msg)
	question.SetQuestion(dns.Fqdn(name), kind)
	question.SetEdns0(datagramBytes, false)
	for _, network := range []string{"udp", "tcp"} {
		exchanger := dns.Client{Net: network, Timeout: exchangeTimeout, UDPSize: datagramBytes}
		if c.isDataPlane {
			exchanger.Dialer = &net.Dialer{Timeout: exchangeTimeout, Control: markDataPlane}
		}
		response, _, err := exchanger.ExchangeContext(ctx, question, server)
		switch {
		case err != nil:
			return nil, err
		case response.Truncated && network == "udp":
		case response.Rcode != dns.RcodeSuccess && response.Rcode != dns.RcodeNameError:
			return nil, fmt.Errorf("the answer is %s", dns.RcodeToString[response.Rcode])
		default:
			return response, nil
		}
	}
	return nil, errors.New("the answer is truncated")
}

// markDataPlane makes the kernel look up the routes of the data plane for a socket.
func markDataPlane(_, _ string, raw syscall.RawConn) (failed error) {
	err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_MARK, contract.DataPlaneMark)
	})
	return errors.Join(err, failed)
}

// read returns the addresses in a response. Only records of the name and of its aliases count. A response without any
// has the longest lifetime, so that the addresses of the other family decide when the name is asked for again.
func read(response *dns.Msg, name string) answer {
	found := answer{ttl: maxTTL}
	owners, ttl := aliases(response, dns.Fqdn(name))
	for _, record := range response.Answer {
		address, isAddress := addressOf(record)
		if !isAddress || !slices.Contains(owners, strings.ToLower(record.Header().Name)) {
			continue
		}
		found.addresses = append(found.addresses, address)
		ttl = min(ttl, secondsOf(record))
	}
	if len(found.addresses) > 0 {
		found.ttl = ttl
	}
	return found
}

// aliases returns a name and those that it stands for, and how long that is valid.
func aliases(response *dns.Msg, name string) (owners []string, ttl time.Duration) {
	owners, ttl = []string{strings.ToLower(name)}, maxTTL
	for len(owners) <= maxAliases {
		i := slices.IndexFunc(response.Answer, func(record dns.RR) bool {
			alias, isAlias := record.(*dns.CNAME)
			return isAlias && strings.ToLower(alias.Hdr.Name) == owners[len(owners)-1]
		})
		if i < 0 {
			break
		}
		next := strings.ToLower(response.Answer[i].(*dns.CNAME).Target)
		if slices.Contains(owners, next) {
			break
		}
		owners, ttl = append(owners, next), min(ttl, secondsOf(response.Answer[i]))
	}
	return owners, ttl
}

func secondsOf(record dns.RR) time.Duration { return time.Duration(record.Header().Ttl) * time.Second }

// addressOf returns the address in a record. Packets that are forwarded have no others than those of hosts.
func addressOf(record dns.RR) (a netip.Addr, isAddress bool) {
	switch r := record.(type) {
	case *dns.A:
		a, isAddress = netip.AddrFromSlice(r.A.To4())
	case *dns.AAAA:
		a, isAddress = netip.AddrFromSlice(r.AAAA.To16())
	}
	return a, isAddress && a.IsGlobalUnicast() && !a.Is4In6()
}
