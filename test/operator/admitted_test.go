//go:build apiserver

package operator

import (
	"context"
	"fmt"
	"math/rand/v2"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	connectioncache "github.com/hapair-io/hapair/internal/class/connectioncache/options"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/health"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/resources"
)

// admitted is a pair with a policy. Both may be odd.
type admitted struct {
	pair   *v1alpha1.HAPair
	policy *v1alpha1.SyncPolicy
}

// oddities returns changes of one field to a value that is valid, at a bound or wrong. The API server decides which it
// is.
func oddities(random *rand.Rand) []func(*admitted) {
	number := func() int32 {
		return oneOf[int32](random, -2147483648, -1, 0, 1, 2, 9, 10, 64, 65, 99, 100, 300, 1000, 30_000, 60_000, 65_535,
			65_536, 86_400,
			100_000_000, 2147483647)
	}
	host := func() v1alpha1.ProbeHost {
		return oneOf[v1alpha1.ProbeHost](random, "192.0.2.254", "2001:db8::1", "fe80::1", "fe80::1%lan", "::ffff:192.0.2.1",
			"::1", "::", "0.0.0.0", "255.255.255.255", "192.0.2.01", "224.0.0.1", "gateway", "[2001:db8::1]",
			"192.0.2.254:80", "")
	}
	path := func() string {
		return oneOf(random, "/", "/%zz", "/%", "/%2", "/%20", "/a%2fb", "//host/path", "/?q=%zz", "/?q=%20",
			"/#fragment", "/:80",
			"/[", "/]", "/\\", "/{}", "/\"", "/^", "/|", "/~", "/%00", "/ ", "/\x7f", "/é", "http://x/", "*", "/a//b", "/..")
	}
	address := func() string {
		return oneOf(random, "192.0.2.1/24", "192.0.2.1/0", "192.0.2.1/32", "192.0.2.0/31", "203.0.113.255/24", "10.0.0.1/8",
			"2001:db8::1/64", "2001:db8::1/128", "2001:db8::/127", "fe80::1/64", "fe80::1%lan/64", "::ffff:192.0.2.1/120",
			"224.0.0.1/24", "127.0.0.1/8", "0.0.0.0/0", "::/0", "192.0.2.1/33", "192.0.2.01/24", "192.0.2.1", "")
	}
	probe := func(a *admitted) *v1alpha1.ProbeSpec { return &a.pair.Spec.Failover.Monitors.Probes[0] }
	failover := func(a *admitted) *v1alpha1.FailoverSpec { return &a.pair.Spec.Failover }
	options := func(a *admitted) *v1alpha1.ConnectionCacheOptions { return a.policy.Spec.Classes[0].ConnectionCache }
	network := func(a *admitted) *v1alpha1.NetworkSpec { return &a.pair.Spec.Networks[random.IntN(2)] }
	return []func(*admitted){
		func(a *admitted) { probe(a).HTTP = &v1alpha1.HTTPProbe{Host: host(), Path: path()} },
		func(a *admitted) {
			probe(a).HTTP = &v1alpha1.HTTPProbe{Host: "192.0.2.254", Path: path(), Port: number()}
		},
		func(a *admitted) { probe(a).HTTP, probe(a).TCP = nil, &v1alpha1.TCPProbe{Host: host(), Port: number()} },
		func(a *admitted) { probe(a).HTTP, probe(a).ICMP = nil, &v1alpha1.ICMPProbe{Host: host()} },
		func(a *admitted) { probe(a).IntervalMilliseconds, probe(a).TimeoutMilliseconds = number(), number() },
		func(a *admitted) { probe(a).FailureThreshold, probe(a).SuccessThreshold = number(), number() },
		func(a *admitted) { probe(a).Name = oneOf(random, "gateway", "A", "", "a b", "a.b", "1") },
		func(a *admitted) { probe(a).Network = oneOf(random, "lan", "wan", "dmz", "") },
		func(a *admitted) {
			failover(a).HeartbeatIntervalMilliseconds, failover(a).MissedHeartbeats = number(), number()
		},
		func(a *admitted) {
			failover(a).GrantMilliseconds, failover(a).LeaseDurationSeconds = number(), number()
		},
		func(a *admitted) { failover(a).LeaseDurationSeconds = number() },
		func(a *admitted) {
			delay := number()
			failover(a).Preemption = v1alpha1.PreemptionSpec{Policy: v1alpha1.PreemptWhenHealthy, DelaySeconds: &delay}
		},
		func(a *admitted) { failover(a).Monitors.DampingSeconds = number() },
		func(a *admitted) {
			failover(a).Isolation = oneOf[v1alpha1.Isolation](random, "Fence", "KeepForwarding", "x", "")
		},
		func(a *admitted) { network(a).VirtualAddresses = []string{address(), address()} },
		func(a *admitted) { network(a).VirtualAddresses = []string{address()} },
		func(a *admitted) {
			network(a).Name = oneOf(random, "lan", "wan", "a23456789-12345", "eth0", "lo", "A", "a.b")
		},
		func(a *admitted) {
			network(a).VirtualMAC = v1alpha1.VirtualMACSpec{
				Type: v1alpha1.VirtualMACStatic,
				Address: oneOf(random, "02:00:5e:10:00:01", "02:00:5E:10:00:01", "01:00:5e:10:00:01", "ff:ff:ff:ff:ff:ff",
					"00:00:00:00:00:00", "02-00-5e-10-00-01", "0200.5e10.0001", "02:00:5e:10:00:01:02:03", "2:0:5e:10:0:1", ""),
			}
		},
		func(a *admitted) { network(a).VirtualMAC = v1alpha1.VirtualMACSpec{Type: v1alpha1.VirtualMACAuto} },
		func(a *admitted) {
			options(a).ExcludedNetworks = []string{address(), address()}
		},
		func(a *admitted) { options(a).MinimumAgeSeconds = number() },
		func(a *admitted) {
			options(a).Protocols = []v1alpha1.ConnectionProtocol{
				oneOf[v1alpha1.ConnectionProtocol](random, "TCP", "UDP", "GRE", "ICMPv6", "tcp", ""),
			}
		},
		func(a *admitted) { a.policy.Spec.Classes[0].Weight = number() },
		func(a *admitted) {
			a.policy.Spec.Throttle = &v1alpha1.SyncThrottle{RecordsPerSecond: number(), KilobitsPerSecond: number()}
		},
		func(a *admitted) { a.policy.Spec.Audit = &v1alpha1.SyncAudit{IntervalSeconds: number()} },
	}
}

func oneOf[T any](random *rand.Rand, from ...T) T { return from[random.IntN(len(from))] }

// start carries out what a sidecar does with its settings before it opens a socket.
func (a *admitted) start() error {
	sync, err := resources.Sync(a.policy)
	if err != nil {
		return fmt.Errorf("the operator refuses the policy: %w", err)
	}
	settings, err := resources.Settings(a.pair, sync)
	if err != nil {
		return fmt.Errorf("the operator refuses the pair: %w", err)
	}
	document, err := resources.EncodeSettings(settings)
	if err != nil {
		return fmt.Errorf("the operator refuses the settings: %w", err)
	}
	read, err := contract.Parse(document)
	if err != nil {
		return fmt.Errorf("the sidecar refuses its settings: %w", err)
	}
	o := health.Options{Probes: read.Probes}
	for _, network := range read.Networks {
		o.Networks = append(o.Networks, network.Interface)
		if network.VirtualMAC == "" {
			continue
		}
		if _, err := rtnetlink.ParseMAC(network.VirtualMAC); err != nil {
			return fmt.Errorf("the sidecar refuses a virtual MAC: %w", err)
		}
	}
	if _, err := health.New(o); err != nil {
		return fmt.Errorf("the sidecar refuses its monitors: %w", err)
	}
	for _, class := range read.Sync.Classes {
		if _, err := connectioncache.Parse(class.Options); err != nil {
			return fmt.Errorf("class %s refuses its options: %w", class.Name, err)
		}
	}
	c := ha.Configure(read.Failover)
	if min(c.Grant, c.LeaseDuration, c.HeartbeatInterval, c.Damping) <= 0 {
		return fmt.Errorf("a duration of the machine overflows: %+v", c)
	}
	_, err = resources.Pod(a.pair, v1alpha1.Primary, images, read)
	return err
}

var _ = Describe("What the API server admits", func() {
	It("is what the operator and a sidecar can start with", func(ctx SpecContext) {
		const trials, enough = 600, 100
		seed := uint64(GinkgoRandomSeed()) //nolint:gosec // The sign does not matter.
		random := rand.New(rand.NewPCG(seed, 0))
		s := newStage(ctx)
		dry := client.NewDryRunClient(admin)
		count := 0
		for trial := range trials {
			a := &admitted{pair: s.pair.DeepCopy(), policy: &v1alpha1.SyncPolicy{}}
			a.pair.Spec.Failover.Monitors.Probes = []v1alpha1.ProbeSpec{{
				Name: "gateway", Network: "wan", HTTP: &v1alpha1.HTTPProbe{Host: "203.0.113.254"},
			}}
			a.policy.Namespace, a.policy.Name = s.namespace, "odd"
			a.policy.Spec.Classes = []v1alpha1.SyncClass{{
				Name: v1alpha1.ConnectionCache, ConnectionCache: &v1alpha1.ConnectionCacheOptions{MinimumAgeSeconds: 1},
			}}
			all := oddities(random)
			for range 1 + random.IntN(2) {
				oneOf(random, all...)(a)
			}
			if !a.isAdmitted(ctx, dry) {
				continue
			}
			count++
			Expect(a.start()).To(Succeed(), "trial %d of seed %d: %+v %+v", trial, seed, a.pair.Spec, a.policy.Spec)
		}
		Expect(count).To(BeNumerically(">", enough), "too few pairs are admitted to prove anything")
	})
})

// isAdmitted reports whether the API server admits both objects, and fills in their defaults.
func (a *admitted) isAdmitted(ctx context.Context, dry client.Client) bool {
	return dry.Create(ctx, a.pair) == nil && dry.Create(ctx, a.policy) == nil
}
