package story

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
	// interval between two numbers of the client.
	interval = 5 * time.Millisecond
	// settled is how many numbers must come before the active is taken away, and how many after it for a success.
	settled = 200
	// replicationTimeout bounds the wait until the standby's kernel has the connection.
	replicationTimeout = 10 * time.Second
	// patience bounds the wait for a takeover and for what follows.
	patience = 90 * time.Second
	// silence is how long a connection must stay mute after the takeover to count as broken. TCP tries again after 0.2,
	// 0.6, 1.4, 3, 6.2 and 12.6 s, so six tries have failed by then.
	silence = 20 * time.Second
)

// Stage is where the story is played.
type Stage struct {
	Client client.WithWatch
	Pair   client.ObjectKey
	// LAN and WAN are the virtual addresses of the pair, of the family in which the story is played.
	LAN, WAN netip.Addr
	// ClientNamespace and ServerNamespace are paths of the hosts' network namespaces; both have an eth0.
	ClientNamespace, ServerNamespace string
	// Server is where the server listens.
	Server netip.AddrPort
	// SharedMAC says that the active unit's interfaces have a MAC address of the pair, so that nobody can tell the units
	// apart by that.
	SharedMAC bool
}

// Act is one run.
type Act struct {
	Title string
	// TakeAway takes the active unit's pod away and returns at once.
	TakeAway func(ctx context.Context, active *corev1.Pod) error
	// Control expects the connection to break: replication is off.
	Control bool
}

// Play runs one act and reports it. The error says that the story could not be played to its end; whether the
// connection survived is in the report.
func (s Stage) Play(ctx context.Context, act Act) (Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &run{Stage: s, act: act, report: Report{Title: act.Title}}
	defer func() {
		cancel()
		r.close()
	}()
	for _, step := range []func(context.Context) error{
		r.listen, r.findUnits, r.connect, r.takeAway, r.awaitTakeover, r.awaitAnnouncements, r.judge,
	} {
		if err := step(ctx); err != nil {
			return r.report, fmt.Errorf("%s: %w", act.Title, err)
		}
	}
	return r.report, nil
}

// run is an act while it is played.
type run struct {
	Stage
	act    Act
	report Report

	server          *traffic.Server
	client          *traffic.Counter
	lan, wan        *announcements
	active, standby *corev1.Pod
	holder          string
	leases          watch.Interface
	lanStation      net.HardwareAddr
	wanStation      net.HardwareAddr
	takenAt         time.Time
	ticksAtTakeover uint64
}

func (r *run) listen(ctx context.Context) error {
	var err error
	if r.server, err = traffic.Serve(ctx, traffic.TCP, r.ServerNamespace, r.Server); err != nil {
		return err
	}
	if r.lan, err = listenForAnnouncements(ctx, r.ClientNamespace, "eth0"); err != nil {
		return err
	}
	r.wan, err = listenForAnnouncements(ctx, r.ServerNamespace, "eth0")
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

// connect opens the connection, and asks the standby's kernel for it from that moment on.
func (r *run) connect(ctx context.Context) error {
	standby, err := OpenKernel(r.standby)
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
	if r.act.Control {
		return r.hear(ctx, settled)
	}
	local, err := r.client.Local()
	if err != nil {
		return err
	}
	replicated, cancel := context.WithTimeout(ctx, replicationTimeout)
	defer cancel()
	translated, err := standby.waitForConnection(replicated, local)
	if err != nil {
		return err
	}
	r.report.Replicated = time.Since(connected)
	if err := r.hear(ctx, settled); err != nil {
		return err
	}
	if seen := r.server.Clients()[0]; translated != seen || seen.Addr() != r.WAN {
		return fmt.Errorf("the server sees the client as %s, the standby's kernel as %s; source NAT should make it %s",
			seen, translated, r.WAN)
	}
	r.report.Source = translated.String()
	return nil
}

func (r *run) takeAway(ctx context.Context) error {
	var err error
	if r.lanStation, err = stationOf(r.ClientNamespace, r.LAN); err != nil {
		return err
	}
	if r.wanStation, err = stationOf(r.ServerNamespace, r.WAN); err != nil {
		return err
	}
	r.leases, err = r.Client.Watch(ctx, &coordinationv1.LeaseList{}, client.InNamespace(r.Pair.Namespace),
		client.MatchingFields{"metadata.name": r.Pair.Name})
	if err != nil {
		return fmt.Errorf("watching the Lease: %w", err)
	}
	r.takenAt = time.Now()
	return r.act.TakeAway(ctx, r.active)
}

// awaitTakeover watches the Lease: whoever holds it next is the new active.
func (r *run) awaitTakeover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
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
				continue // released: nobody holds it yet
			}
			r.report.TookOver = time.Since(r.takenAt)
			r.report.After = string(unit)
			if lease.Spec.LeaseTransitions != nil {
				r.report.Term = int64(*lease.Spec.LeaseTransitions)
			}
			return nil
		}
	}
}

func (r *run) awaitAnnouncements(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return poll.Until(ctx, 2*time.Millisecond, "the takeover to be announced", func(context.Context) error {
		formerLAN, formerWAN := r.lanStation, r.wanStation
		if r.SharedMAC {
			formerLAN, formerWAN = nil, nil
		}
		lan, onLAN := r.lan.firstAfter(r.LAN, r.takenAt, formerLAN)
		wan, onWAN := r.wan.firstAfter(r.WAN, r.takenAt, formerWAN)
		if !onLAN || !onWAN {
			return fmt.Errorf("announced on LAN: %t, on WAN: %t", onLAN, onWAN)
		}
		r.report.AnnouncedLAN, r.report.AnnouncedWAN = lan.at.Sub(r.takenAt), wan.at.Sub(r.takenAt)
		r.ticksAtTakeover = r.client.Report(r.takenAt).Ticks
		return nil
	})
}

// judge waits for the sequence to go on, or, in a control run, long enough to say that it does not.
func (r *run) judge(ctx context.Context) error {
	limit := patience
	if r.act.Control {
		limit = silence
	}
	hearCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	broken := r.hear(hearCtx, r.ticksAtTakeover+settled)
	if err := ctx.Err(); err != nil {
		return err
	}
	lan, lanErr := stationOf(r.ClientNamespace, r.LAN)
	wan, wanErr := stationOf(r.ServerNamespace, r.WAN)
	if err := errors.Join(lanErr, wanErr); err != nil {
		return err
	}
	r.report.SameStations = bytes.Equal(lan, r.lanStation) && bytes.Equal(wan, r.wanStation)
	heard := r.client.Report(r.takenAt)
	r.report.Ticks = heard.Ticks
	r.report.LongestGap = heard.Longest.Length
	r.report.Resumed = heard.Longest.From.Add(heard.Longest.Length).Sub(r.takenAt)
	r.report.Connections = len(r.server.Clients())
	r.report.Survived = broken == nil && r.report.Connections == 1
	r.report.Broken = broken
	return nil
}

// hear waits until the client has heard so many numbers.
func (r *run) hear(ctx context.Context, ticks uint64) error {
	for {
		heard := r.client.Report(r.takenAt)
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

// HolderUnit reads the unit out of a holder's identity, `<unit>/<pod UID>/<process>`.
func HolderUnit(lease *coordinationv1.Lease) (hapairv1alpha1.Unit, error) {
	if lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		return "", fmt.Errorf("no unit holds Lease %s/%s", lease.Namespace, lease.Name)
	}
	unit, _, _ := strings.Cut(*lease.Spec.HolderIdentity, "/")
	return hapairv1alpha1.Unit(unit), nil
}
