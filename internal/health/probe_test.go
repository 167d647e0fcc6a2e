package health

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/backoff"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
)

// interfaces is a kernel in memory.
type interfaces struct {
	links     map[string]rtnetlink.Link
	fails     error
	addresses []netip.Prefix
}

func (k *interfaces) Link(name string) (rtnetlink.Link, error) {
	if k.fails != nil {
		return rtnetlink.Link{}, k.fails
	}
	link, ok := k.links[name]
	if !ok {
		return link, unix.ENODEV
	}
	return link, nil
}

func (k *interfaces) Addresses(int) ([]netip.Prefix, error) { return k.addresses, nil }

var working = rtnetlink.Link{Index: 1, Name: "lan", Enabled: true, Up: true, Operational: true}

var ownAddresses = []netip.Prefix{netip.MustParsePrefix("192.0.2.2/24")}

func gateway() contract.Probe {
	return contract.Probe{
		Name: "gateway", Type: contract.ProbeICMP, Host: netip.MustParseAddr("192.0.2.254"), Interface: "lan",
		IntervalMilliseconds: 1000, TimeoutMilliseconds: 400, FailureThreshold: 3, SuccessThreshold: 2,
	}
}

// target answers as the test says, and notes when it was asked.
type target struct {
	fails error
	takes time.Duration
	asked []time.Time
}

func (a *target) ask(ctx context.Context, _ Origin) error {
	a.asked = append(a.asked, time.Now())
	if a.takes > 0 && !backoff.Sleep(ctx, a.takes) {
		return ctx.Err()
	}
	return a.fails
}

// probing runs a probe in a bubble.
func probing(t *testing.T, do func(t *testing.T, k *interfaces, a *target, told func() []entry)) {
	synctest.Test(t, func(t *testing.T) {
		k := &interfaces{
			links: map[string]rtnetlink.Link{"lan": working}, addresses: ownAddresses,
		}
		p, err := newProbe(gateway(), Options{Kernel: k, Log: logr.Discard()})
		if err != nil {
			t.Fatal(err)
		}
		a := &target{}
		p.ask = a.ask
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		var entries []entry
		go func() {
			defer close(done)
			p.run(ctx, func(e entry) { entries = append(entries, e) })
		}()
		do(t, k, a, func() []entry {
			synctest.Wait()
			told := entries
			entries = nil
			return told
		})
		cancel()
		<-done
	})
}

func TestProbeTellsItsVerdicts(t *testing.T) {
	probing(t, func(t *testing.T, _ *interfaces, a *target, told func() []entry) {
		time.Sleep(maxDelay)
		if got := told(); !slices.Equal(got, []entry{{good: true}}) {
			t.Errorf("at first %v", got)
		}
		a.fails = errors.New("connection refused")
		time.Sleep(2 * time.Second)
		if got := told(); len(got) != 0 {
			t.Errorf("after two failures %v", got)
		}
		time.Sleep(time.Second)
		if got := told(); !slices.Equal(got, []entry{{fault: "probe gateway: ICMP 192.0.2.254 from interface lan has " +
			"failed 3 times in a row: connection refused"}}) {
			t.Errorf("after three failures %v", got)
		}
		a.fails = errors.New("no route to host")
		time.Sleep(10 * time.Second)
		if got := told(); len(got) != 0 {
			t.Errorf("after another failure %v", got)
		}
		a.fails = nil
		time.Sleep(2 * time.Second)
		if got := told(); !slices.Equal(got, []entry{{good: true}}) {
			t.Errorf("at last %v", got)
		}
	})
}

// A target that does not answer is asked as often as any, and not by two probes at once.
func TestProbeTimesOut(t *testing.T) {
	probing(t, func(t *testing.T, _ *interfaces, a *target, told func() []entry) {
		a.takes = time.Hour
		time.Sleep(10 * time.Second)
		got := told()
		if len(got) != 1 || !strings.HasSuffix(got[0].fault, "no answer within 400 ms") {
			t.Errorf("told %v", got)
		}
		if len(a.asked) != 10 || a.asked[9].Sub(a.asked[0]) != 9*time.Second {
			t.Errorf("asked at %v", a.asked)
		}
	})
}

// A unit that has no address to probe from does not reach the target, and it is no fault: neither at first, nor when an
// active that did not reach the target becomes standby.
func TestProbeWithoutAnAddress(t *testing.T) {
	probing(t, func(t *testing.T, k *interfaces, a *target, told func() []entry) {
		own := k.addresses
		k.addresses = nil
		time.Sleep(10 * time.Second)
		if got := told(); len(got) != 0 || len(a.asked) != 0 {
			t.Errorf("told %v, asked %d times", got, len(a.asked))
		}
		k.addresses, a.fails = own, errors.New("connection refused")
		time.Sleep(5 * time.Second)
		if got := told(); len(got) != 1 || got[0].good || got[0].fault == "" {
			t.Errorf("with an address %v", got)
		}
		k.addresses = nil
		time.Sleep(5 * time.Second)
		if got := told(); !slices.Equal(got, []entry{{}}) {
			t.Errorf("without it again %v", got)
		}
		k.addresses, a.fails = own, nil
		time.Sleep(5 * time.Second)
		told()
		k.addresses = nil
		time.Sleep(5 * time.Second)
		if got := told(); !slices.Equal(got, []entry{{}}) {
			t.Errorf("reached, and without it again %v", got)
		}
	})
}

func TestProbesDoNotBeginAtOnce(t *testing.T) {
	var delays []time.Duration
	for range 20 {
		probing(t, func(_ *testing.T, _ *interfaces, a *target, told func() []entry) {
			start := time.Now()
			time.Sleep(maxDelay)
			told()
			delays = append(delays, a.asked[0].Sub(start))
		})
	}
	slices.Sort(delays)
	if delays[0] > maxDelay/2 || delays[19] < maxDelay/2 || delays[19] > maxDelay {
		t.Errorf("delays of %v", delays)
	}
}

func TestSource(t *testing.T) {
	for name, test := range map[string]struct {
		target, addresses, virtual, want string
	}{
		"own before virtual":         {"192.0.2.254", "192.0.2.1/24 192.0.2.2/24", "192.0.2.1", "192.0.2.2"},
		"own of another network":     {"192.0.2.254", "192.0.2.1/24 198.51.100.2/24", "192.0.2.1", "198.51.100.2"},
		"the network of the target":  {"192.0.2.254", "198.51.100.2/24 192.0.2.2/24", "", "192.0.2.2"},
		"a target far away":          {"203.0.113.9", "192.0.2.1/24 192.0.2.2/24", "192.0.2.1", "192.0.2.2"},
		"only virtual":               {"192.0.2.254", "192.0.2.1/24", "192.0.2.1", "192.0.2.1"},
		"the virtual of its network": {"192.0.2.254", "10.0.0.1/8 192.0.2.1/24", "192.0.2.1 10.0.0.1", "192.0.2.1"},
		"none":                       {"192.0.2.254", "", "", ""},
		"none of the family":         {"192.0.2.254", "fd50::2/64 fe80::2/64", "", ""},
		"none of the other family":   {"fd50::9", "192.0.2.2/24", "", ""},
		"link-local reaches no host": {"fd50::9", "fe80::2/64", "", ""},
		"IPv6":                       {"fd50::9", "fe80::2/64 fd50::1/64 fd50::2/64", "fd50::1", "fd50::2"},
		"link-local":                 {"fe80::9", "fd50::2/64 fe80::2/64", "", "fe80::2"},
	} {
		t.Run(name, func(t *testing.T) {
			var addresses []netip.Prefix
			for _, a := range strings.Fields(test.addresses) {
				addresses = append(addresses, netip.MustParsePrefix(a))
			}
			var virtual []netip.Addr
			for _, a := range strings.Fields(test.virtual) {
				virtual = append(virtual, netip.MustParseAddr(a))
			}
			got, ok := source(netip.MustParseAddr(test.target), addresses, virtual)
			if ok != (test.want != "") || ok && got.String() != test.want {
				t.Errorf("%s, %t", got, ok)
			}
		})
	}
}

// The reason has nothing in it that differs from one try to the next.
func TestReason(t *testing.T) {
	p := &probe{Probe: gateway()}
	refused := &net.OpError{
		Op: "dial", Net: "tcp", Source: &net.TCPAddr{Port: 40123},
		Err: &net.OpError{Err: os.NewSyscallError("connect", unix.ECONNREFUSED)},
	}
	for want, err := range map[string]error{
		"operation not permitted; the container needs the capability NET_RAW": os.NewSyscallError("socket", unix.EPERM),
		"connection refused":             refused,
		"no answer within 400 ms":        context.DeadlineExceeded,
		"answered 503 Out of order":      errors.New("answered 503 Out of order"),
		"looking up interface lan: gone": errors.New("looking up interface lan: gone"),
	} {
		if got := p.reason(err); got != want {
			t.Errorf("%q instead of %q", got, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for name, change := range map[string]func(*contract.Probe){
		"an unknown type":  func(p *contract.Probe) { p.Type = "SNMP" },
		"no host":          func(p *contract.Probe) { p.Host = netip.Addr{} },
		"no interval":      func(p *contract.Probe) { p.IntervalMilliseconds = 0 },
		"no threshold":     func(p *contract.Probe) { p.SuccessThreshold = 0 },
		"a path that none": func(p *contract.Probe) { p.Type, p.Path = contract.ProbeHTTP, "/%zz" },
	} {
		p := gateway()
		change(&p)
		_, err := New(Options{Probes: []contract.Probe{p}})
		if err == nil || !strings.Contains(err.Error(), "probe gateway") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Options{Probes: slices.Repeat([]contract.Probe{gateway()}, contract.MaxMonitored+1)}); err == nil {
		t.Error("too many probes are taken")
	}
	if _, err := New(Options{Networks: make([]string, contract.MaxMonitored+1)}); err == nil {
		t.Error("too many networks are taken")
	}
}

func TestEachTypeOfProbeHasAMonitor(t *testing.T) {
	for _, kind := range contract.ProbeTypes() {
		s := gateway()
		s.Type, s.Port, s.Path = kind, 80, "/"
		if _, err := newProbe(s, Options{Log: logr.Discard()}); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
