package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/health/threshold"
)

// maxDelay bounds the random delay of a first probe. The probes of both units, and of all pairs that a node starts,
// must not go out at once.
const maxDelay = 500 * time.Millisecond

// errNoAddress means that the unit cannot probe. This may be intended: a standby needs no address of its own.
var errNoAddress = errors.New("the unit has no address of its own to probe from")

// Origin is the interface and address from which a probe is sent.
type Origin struct {
	// Interface is the name of the interface, and Index its index.
	Interface string
	Index     int
	// Address is the source address.
	Address netip.Addr
	// Mark is the mark of the packets; 0 for none. It needs NET_ADMIN.
	Mark uint32
}

// probe is one target.
type probe struct {
	contract.Probe
	// target describes what is probed.
	target  string
	ask     ask
	virtual []netip.Addr
	kernel  Kernel
	log     logr.Logger
}

func newProbe(s contract.Probe, o Options) (*probe, error) {
	p := &probe{Probe: s, virtual: o.Virtual, kernel: o.Kernel, log: o.Log.WithValues("probe", s.Name)}
	var err error
	if p.target, p.ask, err = asking(s); err != nil {
		return nil, fmt.Errorf("probe %s: %w", s.Name, err)
	}
	if !s.Host.IsValid() || s.IntervalMilliseconds <= 0 || s.TimeoutMilliseconds <= 0 ||
		s.FailureThreshold <= 0 || s.SuccessThreshold <= 0 {
		return nil, fmt.Errorf("probe %s: host, interval, timeout and thresholds must be set", s.Name)
	}
	return p, nil
}

// run probes until the context ends, and reports each change of the entry.
func (p *probe) run(ctx context.Context, judged func(entry)) {
	interval := milliseconds(p.IntervalMilliseconds)
	limits := threshold.Limits{Failures: int(p.FailureThreshold), Successes: int(p.SuccessThreshold)}
	var held threshold.Judgement
	var told entry
	next := time.Now().Add(rand.N(min(interval, maxDelay)))
	for backoff.Sleep(ctx, time.Until(next)) {
		next = time.Now().Add(interval)
		err := p.try(ctx)
		if ctx.Err() != nil {
			return
		}
		before := held.Verdict
		held = held.After(err == nil, limits)
		e := p.entry(held.Verdict, err, told)
		if held.Verdict != before || e != told {
			p.logVerdict(held.Verdict, err)
		}
		if e != told {
			told = e
			judged(e)
		}
	}
}

// entry returns the entry for the verdict and the error of the last try. An unknown verdict is no fault yet. A fault
// keeps its first text: a target that fails now in one way and now in another has one fault.
func (p *probe) entry(v threshold.Verdict, err error, told entry) entry {
	switch {
	case v == threshold.Reached:
		return entry{good: true}
	case v == threshold.Unknown || errors.Is(err, errNoAddress):
		return entry{}
	case told.fault != "":
		return told
	case err == nil: // Not often enough yet.
		return entry{}
	default:
		return entry{fault: fmt.Sprintf("probe %s: %s from interface %s has failed %d times in a row: %s",
			p.Name, p.target, p.Interface, p.FailureThreshold, p.reason(err))}
	}
}

func (p *probe) logVerdict(v threshold.Verdict, err error) {
	log := p.log.WithValues("target", p.target, "interface", p.Interface)
	switch {
	case v == threshold.Reached:
		log.Info("Reaching the target")
	case errors.Is(err, errNoAddress):
		log.Info("Not probing the target, since the unit has no address of its own there")
	case err != nil:
		log.Info("Not reaching the target", "reason", p.reason(err))
	}
}

// try probes once. It looks up the source address each time, since that comes and goes with the role.
func (p *probe) try(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, milliseconds(p.TimeoutMilliseconds))
	defer cancel()
	link, err := p.kernel.Link(p.Interface)
	if err != nil {
		return err
	}
	addresses, err := p.kernel.Addresses(link.Index)
	if err != nil {
		return err
	}
	from, ok := source(p.Host, addresses, p.virtual)
	if !ok {
		return errNoAddress
	}
	return p.ask(ctx, Origin{Interface: p.Interface, Index: link.Index, Address: from})
}

// reason returns the text of an error for a fault.
func (p *probe) reason(err error) string { return Reason(err, milliseconds(p.TimeoutMilliseconds)) }

// Reason returns the text of an error of a probe with a timeout. It contains nothing that differs from try to try, such
// as the local port.
func Reason(err error, limit time.Duration) string {
	var timeout interface{ Timeout() bool }
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Sprintf("no answer within %d ms", limit.Milliseconds())
	}
	var operation *net.OpError
	for errors.As(err, &operation) {
		err = operation.Err
	}
	var call *os.SyscallError
	if errors.As(err, &call) {
		err = call.Err
	}
	if errors.Is(err, unix.EPERM) {
		return fmt.Sprintf("%v; the container needs the capability NET_RAW", err)
	}
	return err.Error()
}

// source chooses the address from which a target is probed. It prefers the unit's own addresses to virtual ones, and
// among these an address on the target's network. Link-local IPv6 addresses only reach each other.
func source(target netip.Addr, addresses []netip.Prefix, virtual []netip.Addr) (netip.Addr, bool) {
	best, found := 0, netip.Addr{}
	for _, a := range addresses {
		if a.Addr().Is4() != target.Is4() ||
			target.Is6() && a.Addr().IsLinkLocalUnicast() != target.IsLinkLocalUnicast() {
			continue
		}
		worth := 1
		if a.Contains(target) {
			worth++
		}
		if !slices.Contains(virtual, a.Addr()) {
			worth += 2
		}
		if worth > best {
			best, found = worth, a.Addr()
		}
	}
	return found, best > 0
}

func milliseconds(n int32) time.Duration { return time.Duration(n) * time.Millisecond }
