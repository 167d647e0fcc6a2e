//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/internal/adversary"
	"github.com/hapair-io/hapair/test/internal/chaos"
	"github.com/hapair-io/hapair/test/namespace"
)

// hostileNetworks are what the hostile routers claim to have.
var hostileNetworks = []netip.Prefix{
	netip.MustParsePrefix("fd99:10:244::/64"), netip.MustParsePrefix("fd99:10:96::/64"),
}

// enemy is a hostile host and what it knows of the pair.
type enemy struct {
	host   *adversary.Host
	path   string
	target adversary.Target
}

// openEnemy returns the host of a network whose network namespace is at a path. It attacks until the spec ends.
func openEnemy(ctx context.Context, network, path string, virtual netip.Addr) *enemy {
	GinkgoHelper()
	host, err := adversary.Open("the "+network+" host", path, "eth0")
	Expect(err).NotTo(HaveOccurred())
	DeferCleanup(host.Close)
	api := &corev1.Service{}
	Expect(k8s.Get(ctx, client.ObjectKey{Namespace: "default", Name: "kubernetes"}, api)).To(Succeed())
	e := &enemy{host: host, path: path, target: adversary.Target{
		Virtual: virtual,
		Cluster: []netip.Addr{netip.MustParseAddr(api.Spec.ClusterIP), netip.MustParseAddr("10.90.0.10")},
		Spoofed: []netip.Addr{netip.MustParseAddr("10.244.1.77"), netip.MustParseAddr("10.96.0.10")},
	}}
	e.target.Networks = hostileNetworks
	for _, port := range contract.ReservedPorts() {
		e.target.Ports = append(e.target.Ports, uint16(port))
	}
	for _, pod := range unitPods(ctx, edge) {
		address := netip.MustParseAddr(pod.Status.PodIP)
		e.target.Pods = append(e.target.Pods, address)
		e.target.Gateways = append(e.target.Gateways, netip.PrefixFrom(address, 24).Masked().Addr().Next())
		Expect(insideUnit(pod, func() error {
			link, err := netlink.LinkByName(network)
			if err == nil {
				e.target.Units = append(e.target.Units, adversary.MAC(link.Attrs().HardwareAddr))
			}
			return err
		})).To(Succeed())
	}
	return e
}

// insideUnit runs act in the network of a unit.
func insideUnit(pod corev1.Pod, act func() error) error {
	return site.Cluster.WithinProgram(
		cluster.Program{Node: pod.Spec.NodeName, Name: "sidecar", Pod: pod.UID}, act)
}

// attackFrom runs attacks from all hosts at once, for a time or until the context ends.
func attackFrom(ctx context.Context, enemies []*enemy, length time.Duration, attacks ...adversary.Attack) error {
	failed := make(chan error, len(enemies)*len(attacks))
	var running sync.WaitGroup
	for _, e := range enemies {
		for _, attack := range attacks {
			running.Go(func() {
				sent, err := e.host.Run(ctx, attack, e.target, length)
				if err == nil && sent == 0 {
					err = fmt.Errorf("%s sent nothing of %q", e.host.Name, attack.Name)
				}
				failed <- err
			})
		}
	}
	running.Wait()
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// impersonate gives the hosts the addresses of the control plane while act runs.
func impersonate(enemies []*enemy, act func() error) (err error) {
	for _, e := range enemies {
		all := slices.Concat(e.target.Pods, e.target.Gateways, e.target.Cluster)
		restore, startErr := adversary.Impersonate(e.path, "eth0", all)
		if startErr != nil {
			return startErr
		}
		defer func() { err = errors.Join(err, restore()) }()
	}
	return act()
}

// expectNoControlPlane expects that the ports of the control plane do not answer the host, not even to refuse.
func (e *enemy) expectNoControlPlane(ctx context.Context) {
	GinkgoHelper()
	for _, port := range e.target.Ports {
		var failed net.Error
		err := e.connect(ctx, port)
		Expect(errors.As(err, &failed) && failed.Timeout()).To(BeTrue(), "%s reaches port %d: %v", e.host.Name, port, err)
	}
}

// connect opens a connection from the host to a port of the virtual address, and closes it again.
func (e *enemy) connect(ctx context.Context, port uint16) error {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	conn, err := namespace.Dial(ctx, e.path, "tcp", netip.AddrPortFrom(e.target.Virtual, port).String())
	if err != nil {
		return err
	}
	return conn.Close()
}

// calmOf returns what must not change while the pair is attacked: the term, the roles, and when each condition changed
// last, in the pair and its units. Another station with a virtual address is reported, and no more.
func calmOf(ctx context.Context) map[string]string {
	GinkgoHelper()
	calm := map[string]string{}
	note := func(name string, conditions []metav1.Condition) {
		for _, c := range conditions {
			if c.Type != hapairv1alpha1.ConditionAddressConflict {
				calm[name+" "+c.Type] = fmt.Sprintf("%s/%s since %s", c.Status, c.Reason, c.LastTransitionTime)
			}
		}
	}
	pair := getPair(ctx, edge)
	calm["term"], calm["active"] = strconv.FormatInt(pair.Status.Term, 10), string(pair.Status.Active)
	note("pair", pair.Status.Conditions)
	for name := range unitPods(ctx, edge) {
		unit := &hapairv1alpha1.HAUnit{}
		Expect(k8s.Get(ctx, client.ObjectKey{Namespace: edge.Namespace, Name: edge.Name + "-" + string(name)}, unit)).
			To(Succeed())
		calm[string(name)+" role"] = unit.Status.Role
		calm[string(name)+" incarnation"] = unit.Status.Incarnation
		note(string(name), unit.Status.Conditions)
		for _, check := range unit.Status.Health {
			calm[string(name)+" "+check.Name] = fmt.Sprint(check.Healthy)
		}
	}
	return calm
}

// changesOf returns what differs between two states of the pair, each with both values.
func changesOf(before, after map[string]string) (changes []string) {
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if before[name] != after[name] {
			changes = append(changes, fmt.Sprintf("%s: %q became %q", name, before[name], after[name]))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, known := before[name]; !known {
			changes = append(changes, fmt.Sprintf("%s is new: %q", name, after[name]))
		}
	}
	return changes
}

// networksOf returns the addresses and routes of each unit, and how it reaches what it needs in the cluster.
func networksOf(ctx context.Context) map[hapairv1alpha1.Unit][]string {
	GinkgoHelper()
	networks := map[hapairv1alpha1.Unit][]string{}
	pods := unitPods(ctx, edge)
	for unit, pod := range pods {
		peer := pods[unit.Peer()]
		Expect(insideUnit(pod, func() error {
			all, err := networkOf(net.ParseIP(peer.Status.PodIP), net.IPv4(10, 96, 0, 1), net.IPv4(10, 90, 0, 10))
			networks[unit] = all
			return err
		})).To(Succeed())
	}
	return networks
}

func networkOf(needed ...net.IP) (all []string, err error) {
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		all = append(all, fmt.Sprintf("address %s of interface %d", a.IPNet, a.LinkIndex))
	}
	routes, err := netlink.RouteListFiltered(
		netlink.FAMILY_ALL, &netlink.Route{Table: unix.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, err
	}
	for _, r := range routes {
		all = append(all, fmt.Sprintf("route %v via %v by interface %d, table %d, metric %d, protocol %s",
			r.Dst, r.Gw, r.LinkIndex, r.Table, r.Priority, r.Protocol))
	}
	for _, to := range needed {
		found, err := netlink.RouteGet(to)
		if err != nil {
			return nil, err
		}
		for _, r := range found {
			all = append(all, fmt.Sprintf("%s is reached via %v by interface %d", to, r.Gw, r.LinkIndex))
		}
	}
	slices.Sort(all)
	return all, nil
}

// expectNothingLearned expects that no unit has anything of the hostile networks, nor a route that it learned.
func expectNothingLearned(ctx context.Context) {
	GinkgoHelper()
	for unit, all := range networksOf(ctx) {
		for _, one := range all {
			Expect(one).NotTo(ContainSubstring("fd99:"), "unit %s", unit)
			Expect(one).NotTo(HaveSuffix("protocol ra"), "unit %s", unit)
			Expect(one).NotTo(HaveSuffix("protocol redirect"), "unit %s", unit)
		}
	}
}

var sample = regexp.MustCompile(`(?m)^(hapair_\w+)\{([^}]*)\} ([0-9.e+]+)$`)

// kindOfSample finds what is counted. The other labels name the unit.
var kindOfSample = regexp.MustCompile(`(?:kind|reason)="(\w+)"`)

// countersOf returns the metrics of both units together: by name, and by kind or reason where there is one.
func countersOf(ctx context.Context) map[string]float64 {
	GinkgoHelper()
	access := &corev1.Secret{}
	Expect(k8s.Get(ctx, client.ObjectKey{Namespace: edge.Namespace, Name: edge.Name + "-metrics"}, access)).To(Succeed())
	counters := map[string]float64{}
	for unit, pod := range unitPods(ctx, edge) {
		name := fmt.Sprintf("%s.%s.%s.hapair", unit, edge.Name, edge.Namespace)
		status, body := newScraper(access.Data["ca.crt"], pod.Status.PodIP, name).scrape(ctx, string(access.Data["token"]))
		Expect(status).To(Equal(http.StatusOK))
		for _, found := range sample.FindAllStringSubmatch(body, -1) {
			key := []string{found[1]}
			if kind := kindOfSample.FindStringSubmatch(found[2]); kind != nil {
				key = append(key, kind[1])
			}
			value, err := strconv.ParseFloat(found[3], 64)
			Expect(err).NotTo(HaveOccurred())
			counters[strings.Join(key, " ")] += value
		}
	}
	return counters
}

// expectCounted expects that what was dropped is counted, and that nothing of it came to the control plane's sockets.
func expectCounted(before, after map[string]float64) {
	GinkgoHelper()
	for _, kind := range []string{
		"RouterAdvertisement", "RouterSolicitation", "Redirect", "ControlAddress", "Malformed",
	} {
		name := "hapair_gate_dropped_total " + kind
		say("%s: %.0f", name, after[name]-before[name])
		Expect(after[name]-before[name]).To(BeNumerically(">", 100), name)
	}
	for name, value := range before {
		if strings.HasPrefix(name, "hapair_heartbeat_dropped_total") ||
			strings.HasPrefix(name, "hapair_replication_refused_connections_total") {
			Expect(after[name]).To(Equal(value), name)
		}
	}
	Expect(after).To(HaveKeyWithValue("hapair_replication_connected", 2.0))
	Expect(after["hapair_heartbeat_received_total"]).To(BeNumerically(">", before["hapair_heartbeat_received_total"]))
}

// expectUnharmed expects that the traffic of the pair flowed, and that no unit took over.
func (s *scene) expectUnharmed(report chaos.Report) {
	GinkgoHelper()
	Expect(report.Terms()).To(BeZero())
	Expect(report.GapWhileSent()).To(BeNumerically("<", attackedGap))
	Expect(report.Survived).To(Equal(report.Connections), "%v", report.Broken)
}
