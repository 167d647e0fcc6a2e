package scenario

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/poll"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/internal/traffic"
)

const (
	// interval is the time between two numbers of the client.
	interval = 5 * time.Millisecond
	// enoughTicks is how many numbers must arrive before the fault, and how many after it for a success.
	enoughTicks = 200
	// replicationTimeout bounds the wait until the standby's kernel has the connection.
	replicationTimeout = 10 * time.Second
	// takeoverTimeout bounds the wait for a takeover and for each following step.
	takeoverTimeout = 90 * time.Second
	// silence is how long a connection must be silent after the takeover to count as broken. TCP retransmits after 0.2,
	// 0.6, 1.4, 3, 6.2 and 12.6 s, so six attempts have failed by then.
	silence = 20 * time.Second
)

// Setup is a pair, the two hosts between which the traffic runs, and a host on each segment of the pair.
type Setup struct {
	Client client.WithWatch
	Pair   client.ObjectKey
	// LAN and WAN are virtual addresses of the pair, of the address family of the traffic.
	LAN, WAN netip.Addr
	// ClientNamespace and ServerNamespace are paths of the network namespaces of the hosts between which the traffic runs.
	ClientNamespace, ServerNamespace string
	// LANNamespace and WANNamespace are those of hosts on the segments, which see announcements and forwarded packets at
	// their eth0. They may be the same hosts, or routers between them.
	LANNamespace, WANNamespace string
	// Server is the address that the server listens on.
	Server netip.AddrPort
	// SharedMAC is set if the active unit's interfaces have a MAC address of the pair. Announcements then do not show
	// which unit sent them.
	SharedMAC bool
}

// Scenario is one way to remove the active unit.
type Scenario struct {
	Title string
	// RemoveActive removes the active unit's pod and returns at once.
	RemoveActive func(ctx context.Context, active *corev1.Pod) error
	// Control expects the connection to break, because replication is off.
	Control bool
}

// Run runs a scenario and returns its report. An error means that the scenario could not be completed. The report shows
// whether the connection survived.
func (s Setup) Run(ctx context.Context, scenario Scenario) (Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &run{Setup: s, scenario: scenario, report: Report{Title: scenario.Title}}
	defer func() {
		cancel()
		r.close()
	}()
	for _, step := range []func(context.Context) error{
		r.listen, r.findUnits, r.connect, r.removeActive, r.awaitTakeover, r.awaitAnnouncements, r.judge,
	} {
		if err := step(ctx); err != nil {
			return r.report, fmt.Errorf("%s: %w", scenario.Title, err)
		}
	}
	return r.report, nil
}

// run is the state of a running scenario.
type run struct {
	Setup
	scenario Scenario
	report   Report

	server          *traffic.Server
	client          *traffic.Counter
	lan, wan        *announcements
	active, standby *corev1.Pod
	holder          string
	leases          watch.Interface
	lanStation      net.HardwareAddr
	wanStation      net.HardwareAddr
	removedAt       time.Time
	ticksAtTakeover uint64
}

func (r *run) listen(ctx context.Context) error {
	var err error
	if r.server, err = traffic.Serve(ctx, traffic.TCP, r.ServerNamespace, r.Server); err != nil {
		return err
	}
	if r.lan, err = listenForAnnouncements(ctx, r.LANNamespace, "eth0"); err != nil {
		return err
	}
	r.wan, err = listenForAnnouncements(ctx, r.WANNamespace, "eth0")
	return err
}

func (r *run) findUnits(ctx context.Context) error {
	lease, err := r.lease(ctx)
	if err != nil {
		return err
	}
	unit, err := HolderUnit(lease)
	if err != nil {
		return err
	}
	r.holder = *lease.Spec.HolderIdentity
	r.report.Before, r.report.After = string(unit), string(unit.Peer())
	r.active, r.standby = &corev1.Pod{}, &corev1.Pod{}
	return errors.Join(
		r.Client.Get(ctx, r.podKey(unit), r.active),
		r.Client.Get(ctx, r.podKey(unit.Peer()), r.standby),
	)
}

// connect opens the connection, and from then on reads the standby's connection table.
func (r *run) connect(ctx context.Context) error {
	standby, err := OpenConnectionTable(r.standby)
	if err != nil {
		return err
	}
	defer standby.Close()
	began := time.Now()
	r.client, err = traffic.Connect(ctx, traffic.TCP, r.ClientNamespace, r.Server, interval)
	if err != nil {
		return fmt.Errorf("connecting through the pair: %w", err)
	}
	connected := time.Now()
	r.report.Connected = connected.Sub(began)
	if r.scenario.Control {
		return r.awaitTicks(ctx, enoughTicks)
	}
	local, err := r.client.Local()
	if err != nil {
		return err
	}
	replicated, cancel := context.WithTimeout(ctx, replicationTimeout)
	defer cancel()
	translated, err := standby.awaitConnection(replicated, local)
	if err != nil {
		return err
	}
	r.report.Replicated = time.Since(connected)
	if err := r.awaitTicks(ctx, enoughTicks); err != nil {
		return err
	}
	if seen := r.server.Clients()[0]; translated != seen || seen.Addr() != r.WAN {
		return fmt.Errorf("the server sees the client as %s, the standby's kernel as %s; source NAT should make it %s",
			seen, translated, r.WAN)
	}
	r.report.Source = translated.String()
	return nil
}

func (r *run) removeActive(ctx context.Context) error {
	var err error
	if r.lanStation, err = neighbourOf(r.LANNamespace, r.LAN); err != nil {
		return err
	}
	if r.wanStation, err = neighbourOf(r.WANNamespace, r.WAN); err != nil {
		return err
	}
	r.leases, err = r.Client.Watch(ctx, &coordinationv1.LeaseList{}, client.InNamespace(r.Pair.Namespace),
		client.MatchingFields{"metadata.name": r.Pair.Name})
	if err != nil {
		return fmt.Errorf("watching the Lease: %w", err)
	}
	r.removedAt = time.Now()
	return r.scenario.RemoveActive(ctx, r.active)
}

// awaitTakeover watches the Lease. Its next holder is the new active.
func (r *run) awaitTakeover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, takeoverTimeout)
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the Lease to name another holder than %s: %w", r.holder, ctx.Err())
		case event, ok := <-r.leases.ResultChan():
			if !ok {
				return errors.New("the watch of the Lease ended")
			}
			lease, ok := event.Object.(*coordinationv1.Lease)
			if !ok || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == r.holder {
				continue
			}
			unit, err := HolderUnit(lease)
			if err != nil {
				continue // released, without a new holder yet
			}
			r.report.TookOver = time.Since(r.removedAt)
			r.report.After = string(unit)
			if lease.Spec.LeaseTransitions != nil {
				r.report.Term = int64(*lease.Spec.LeaseTransitions)
			}
			return nil
		}
	}
}

func (r *run) awaitAnnouncements(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, takeoverTimeout)
	defer cancel()
	return poll.Until(ctx, 2*time.Millisecond, "the takeover to be announced", func(context.Context) error {
		formerLAN, formerWAN := r.lanStation, r.wanStation
		if r.SharedMAC {
			formerLAN, formerWAN = nil, nil
		}
		lan, onLAN := r.lan.firstAfter(r.LAN, r.removedAt, formerLAN)
		wan, onWAN := r.wan.firstAfter(r.WAN, r.removedAt, formerWAN)
		if !onLAN || !onWAN {
			return fmt.Errorf("announced on LAN: %t, on WAN: %t", onLAN, onWAN)
		}
		r.report.AnnouncedLAN, r.report.AnnouncedWAN = lan.at.Sub(r.removedAt), wan.at.Sub(r.removedAt)
		r.ticksAtTakeover = r.client.Report(r.removedAt).Ticks
		return nil
	})
}

// judge waits for the sequence to continue. In a control run it waits long enough to show that the sequence does not.
func (r *run) judge(ctx context.Context) error {
	limit := takeoverTimeout
	if r.scenario.Control {
		limit = silence
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	broken := r.awaitTicks(limited, r.ticksAtTakeover+enoughTicks)
	if err := ctx.Err(); err != nil {
		return err
	}
	lan, lanErr := neighbourOf(r.LANNamespace, r.LAN)
	wan, wanErr := neighbourOf(r.WANNamespace, r.WAN)
	if err := errors.Join(lanErr, wanErr); err != nil {
		return err
	}
	r.report.SameStations = bytes.Equal(lan, r.lanStation) && bytes.Equal(wan, r.wanStation)
	heard := r.client.Report(r.removedAt)
	r.report.Ticks = heard.Ticks
	r.report.LongestGap = heard.Longest.Length
	r.report.Resumed = heard.Longest.From.Add(heard.Longest.Length).Sub(r.removedAt)
	r.report.Connections = len(r.server.Clients())
	r.report.Survived = broken == nil && r.report.Connections == 1
	r.report.Broken = broken
	return nil
}

// awaitTicks waits until the client has received a number of ticks.
func (r *run) awaitTicks(ctx context.Context, ticks uint64) error {
	for {
		heard := r.client.Report(r.removedAt)
		switch {
		case heard.Err != nil:
			return heard.Err
		case heard.Ticks >= ticks:
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no number for %s", time.Since(heard.Last).Round(time.Millisecond))
		case <-time.After(interval):
		}
	}
}

func (r *run) close() {
	if r.leases != nil {
		r.leases.Stop()
	}
	if r.client != nil {
		r.client.Wait()
	}
	if r.server != nil {
		r.server.Wait()
	}
	for _, a := range []*announcements{r.lan, r.wan} {
		if a != nil {
			a.wait()
		}
	}
}

func (r *run) lease(ctx context.Context) (*coordinationv1.Lease, error) {
	lease := &coordinationv1.Lease{}
	return lease, r.Client.Get(ctx, r.Pair, lease)
}

func (r *run) podKey(unit hapairv1alpha1.Unit) client.ObjectKey {
	return client.ObjectKey{Namespace: r.Pair.Namespace, Name: r.Pair.Name + "-" + string(unit)}
}

// HolderUnit returns the unit of a holder's identity, `<unit>/<pod UID>/<process>`.
func HolderUnit(lease *coordinationv1.Lease) (hapairv1alpha1.Unit, error) {
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		return "", fmt.Errorf("no unit holds Lease %s/%s", lease.Namespace, lease.Name)
	}
	unit, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "/")
	return hapairv1alpha1.Unit(unit), nil
}
