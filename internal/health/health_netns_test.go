//go:build netns

package health

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/test/namespace"
	"github.com/hapair-io/hapair/test/testbed"
)

// TestMain runs the tests in a network namespace of their own, which is that of the unit.
func TestMain(m *testing.M) {
	namespace.Alone()
	goleak.VerifyTestMain(m)
}

const (
	ownIPv4, ownIPv6         = "192.0.2.2/24", "fd50::2/64"
	virtualIPv4, virtualIPv6 = "192.0.2.1/24", "fd50::1/64"
	farIPv4, farIPv6         = "192.0.2.9", "fd50::9"
)

// ip runs a command of iproute2 in the unit's namespace.
func ip(t *testing.T, line string) { t.Helper(); testbed.Own().Run(t, "ip "+line) }

// segment is an interface lan of this namespace, and at its other end a host with targets of all kinds.
type segment struct {
	host   *testbed.Namespace
	kernel *rtnetlink.Conn

	mu     sync.Mutex
	status int
	// callers are who has sent HTTP requests.
	callers []netip.Addr
}

func newSegment(t *testing.T) *segment {
	t.Helper()
	s := &segment{host: testbed.NewNamespace(t, "host"), status: http.StatusOK}
	own := testbed.Own()
	testbed.Wire(t, own, "lan", s.host, "far")
	s.host.Link(t, "far").Address(farIPv4 + "/24").Address(farIPv6 + "/64")
	s.kernel = testbed.Open(t, own, rtnetlink.Dial)
	s.host.ServeHTTP(t, ":80", http.HandlerFunc(s.answer))
	return s
}

func (s *segment) answer(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.callers = append(s.callers, netip.MustParseAddrPort(r.RemoteAddr).Addr().Unmap())
	if r.URL.RequestURI() != "/healthz?deep=1" {
		http.Error(w, "not here", http.StatusNotFound)
		return
	}
	w.Header().Set("Location", "http://203.0.113.9/elsewhere")
	w.WriteHeader(s.status)
}

func (s *segment) answerWith(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

func (s *segment) address(t *testing.T, prefix string) {
	t.Helper()
	testbed.Own().Link(t, "lan").Address(prefix)
}

func quick(kind contract.ProbeType, host string, port uint16) contract.Probe {
	return contract.Probe{
		Name: strings.ToLower(string(kind)), Type: kind, Host: netip.MustParseAddr(host), Port: port, Path: "/healthz?deep=1",
		Interface: "lan", IntervalMilliseconds: 50, TimeoutMilliseconds: 40, FailureThreshold: 2, SuccessThreshold: 2,
	}
}

// newest keeps what monitors told last.
type newest struct {
	mu     sync.Mutex
	report Report
	told   bool
}

// monitor runs monitors of the interface and the probes until the test ends.
func (s *segment) monitor(t *testing.T, probes ...contract.Probe) *newest {
	t.Helper()
	m, err := New(Options{
		Networks: []string{"lan"}, Probes: probes, Kernel: s.kernel, Log: logr.Discard(),
		Virtual: []netip.Addr{netip.MustParsePrefix(virtualIPv4).Addr(), netip.MustParsePrefix(virtualIPv6).Addr()},
	})
	if err != nil {
		t.Fatal(err)
	}
	n := &newest{}
	testbed.Background(t, func(ctx context.Context) {
		m.Run(ctx, func(r Report) {
			n.mu.Lock()
			defer n.mu.Unlock()
			n.report, n.told = r, true
		})
	})
	return n
}

func (n *newest) await(t *testing.T, what string, condition func(Report) bool) {
	t.Helper()
	defer func() {
		if t.Failed() {
			n.mu.Lock()
			defer n.mu.Unlock()
			t.Logf("The newest report is %+v", n.report)
		}
	}()
	testbed.Eventually(t, what, func() bool {
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.told && condition(n.report)
	})
}

func (n *newest) awaitLink(t *testing.T, links uint16, fault string) {
	t.Helper()
	n.await(t, fmt.Sprintf("links are %b: %s", links, fault), func(r Report) bool {
		return r.Links == links && strings.Join(faults(r), ";") == fault
	})
}

// awaitProbes waits until so many targets are reached, and each other one has the fault.
func (n *newest) awaitProbes(t *testing.T, probes uint16, fault string) {
	t.Helper()
	n.await(t, fmt.Sprintf("probes are %b: %s", probes, fault), func(r Report) bool {
		another := func(f string) bool { return !strings.Contains(f, fault) }
		return r.Probes == probes && !slices.ContainsFunc(faults(r), another) && (fault == "") == (len(faults(r)) == 0)
	})
}

func TestLinksOfTheKernel(t *testing.T) {
	s := newSegment(t)
	n := s.monitor(t)
	n.awaitLink(t, 1, "")
	s.host.Link(t, "far").Down()
	n.awaitLink(t, 0, "interface lan has no carrier")
	s.host.Link(t, "far").Up()
	n.awaitLink(t, 1, "")
	ip(t, "link set lan down")
	n.awaitLink(t, 0, "interface lan is switched off")
	ip(t, "link set lan name other")
	n.awaitLink(t, 0, "interface lan is gone")
	ip(t, "link set other name lan")
	ip(t, "link set lan up")
	n.awaitLink(t, 1, "")
	ip(t, "link delete lan")
	n.awaitLink(t, 0, "interface lan is gone")
	testbed.Wire(t, testbed.Own(), "lan", testbed.Own(), "another")
	n.awaitLink(t, 1, "")
}

func TestTargetsOfAllKinds(t *testing.T) {
	s := newSegment(t)
	s.address(t, ownIPv4)
	s.address(t, ownIPv6)
	n := s.monitor(t,
		quick(contract.ProbeICMP, farIPv4, 0), quick(contract.ProbeICMP, farIPv6, 0),
		quick(contract.ProbeTCP, farIPv4, 80), quick(contract.ProbeTCP, farIPv6, 80),
		quick(contract.ProbeHTTP, farIPv4, 80), quick(contract.ProbeHTTP, farIPv6, 80),
		quick(contract.ProbeTCP, farIPv4, 81), quick(contract.ProbeICMP, "192.0.2.77", 0),
	)
	n.await(t, "those that answer are reached", func(r Report) bool {
		return r.Probes == 0b111111 && len(faults(r)) == 2 &&
			faults(r)[0] == "probe tcp: TCP 192.0.2.9:81 from interface lan has failed 2 times in a row: connection refused" &&
			faults(r)[1] == "probe icmp: ICMP 192.0.2.77 from interface lan has failed 2 times in a row: no answer within 40 ms"
	})
	s.host.Link(t, "far").Down()
	n.await(t, "none is reached without a carrier", func(r Report) bool { return r.Probes == 0 && len(faults(r)) == 9 })
}

func TestLinkLocalTarget(t *testing.T) {
	s := newSegment(t)
	s.host.Link(t, "far").Address("fe80::9/64")
	s.address(t, "fe80::2/64")
	n := s.monitor(t, quick(contract.ProbeICMP, "fe80::9", 0), quick(contract.ProbeTCP, "fe80::9", 80),
		quick(contract.ProbeHTTP, "fe80::9", 80))
	n.awaitProbes(t, 0b111, "")
}

func TestHTTPStatus(t *testing.T) {
	s := newSegment(t)
	s.address(t, ownIPv4)
	n := s.monitor(t, quick(contract.ProbeHTTP, farIPv4, 80))
	n.awaitProbes(t, 1, "")
	s.answerWith(http.StatusServiceUnavailable)
	n.awaitProbes(t, 0, "probe http: HTTP http://192.0.2.9:80/healthz?deep=1 from interface lan has failed "+
		"2 times in a row: answered 503 Service Unavailable")
	s.answerWith(http.StatusFound) // It is not followed.
	n.awaitProbes(t, 1, "")
}

// An error that comes back by ICMP ends a try and is what its fault says.
func TestUnreachableTarget(t *testing.T) {
	s := newSegment(t)
	s.address(t, ownIPv4)
	s.address(t, ownIPv6)
	s.host.Set(t, "net.ipv4.ip_forward", "1")
	s.host.Set(t, "net.ipv6.conf.all.forwarding", "1")
	ip(t, "route add 198.51.100.0/24 via "+farIPv4)
	ip(t, "route add 2001:db8::/32 via "+farIPv6)
	n := s.monitor(t, quick(contract.ProbeICMP, "198.51.100.9", 0), quick(contract.ProbeICMP, "2001:db8::9", 0))
	n.await(t, "the router's answer is told", func(r Report) bool {
		return r.Probes == 0 && len(faults(r)) == 2 && strings.HasSuffix(faults(r)[0], ": network is unreachable") &&
			strings.HasSuffix(faults(r)[1], ": network is unreachable")
	})
}

// A probe goes out from the unit's own address, and from the virtual one only where there is no other. Without any it
// is no fault.
func TestSourceOfProbes(t *testing.T) {
	s := newSegment(t)
	calledFrom := func(address string) {
		t.Helper()
		want := netip.MustParsePrefix(address).Addr()
		testbed.Eventually(t, "requests come from "+address, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			last := len(s.callers) - 1
			return last >= 0 && s.callers[last] == want
		})
	}
	n := s.monitor(t, quick(contract.ProbeHTTP, farIPv4, 80))
	n.awaitProbes(t, 0, "")
	s.address(t, virtualIPv4)
	n.awaitProbes(t, 1, "")
	calledFrom(virtualIPv4)
	s.address(t, ownIPv4)
	calledFrom(ownIPv4)
	ip(t, "address delete "+virtualIPv4+" dev lan")
	ip(t, "address replace "+ownIPv4+" dev lan")
	calledFrom(ownIPv4)
	ip(t, "address flush dev lan")
	n.awaitProbes(t, 0, "")
}

// A target that is reached by another interface than the probe's is not reached.
func TestProbeKeepsToItsInterface(t *testing.T) {
	s := newSegment(t)
	s.address(t, ownIPv4)
	testbed.Wire(t, testbed.Own(), "aside", testbed.Own(), "end")
	ip(t, "address add 192.0.2.3/24 dev aside")
	for _, kind := range []contract.ProbeType{contract.ProbeICMP, contract.ProbeTCP, contract.ProbeHTTP} {
		right, wrong := quick(kind, farIPv4, 80), quick(kind, farIPv4, 80)
		wrong.Interface = "aside"
		n := s.monitor(t, right, wrong)
		n.awaitProbes(t, 1, "from interface aside")
	}
}

func TestProbesEndWithTheContext(t *testing.T) {
	s := newSegment(t)
	s.address(t, ownIPv4)
	for _, kind := range []contract.ProbeType{contract.ProbeICMP, contract.ProbeTCP, contract.ProbeHTTP} {
		slow := quick(kind, "192.0.2.77", 80)
		slow.IntervalMilliseconds, slow.TimeoutMilliseconds = 60_000, 60_000
		p, err := newProbe(slow, Options{Kernel: s.kernel, Log: logr.Discard()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- p.try(ctx) }()
		cancel()
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("%s: reached", kind)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("%s: the try goes on", kind)
		}
	}
}
