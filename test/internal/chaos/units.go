package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	hapairv1alpha1 "github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/internal/scenario"
	"github.com/hapair-io/hapair/test/internal/tracer"
)

// networkStatus is the annotation in which Multus and similar plugins list a pod's interfaces.
const networkStatus = "k8s.v1.cni.cncf.io/network-status"

// unitWatcher follows the pair's pods. It knows which stations belong to which unit, and aims the probes at the pods
// that run. A pod that is created again has new stations.
type unitWatcher struct {
	setup  scenario.Setup
	prober *tracer.Prober
	done   sync.WaitGroup

	mu sync.Mutex
	// stations has the WAN interface of every pod that was seen.
	stations map[tracer.Station]string
}

// watchUnits reads the pods now, and repeatedly until the context ends.
func watchUnits(ctx context.Context, setup scenario.Setup, prober *tracer.Prober) (*unitWatcher, error) {
	u := &unitWatcher{setup: setup, prober: prober, stations: map[tracer.Station]string{}}
	if err := u.refresh(ctx); err != nil {
		return nil, err
	}
	u.done.Go(func() {
		for pause(ctx, retryInterval) {
			_ = u.refresh(ctx) // the API server may be unavailable; the known stations stay valid
		}
	})
	return u, nil
}

func (u *unitWatcher) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	pods := &corev1.PodList{}
	if err := u.setup.Client.List(ctx, pods, client.InNamespace(u.setup.Pair.Namespace),
		client.MatchingLabels{hapairv1alpha1.LabelPair: u.setup.Pair.Name}); err != nil {
		return fmt.Errorf("listing the pair's pods: %w", err)
	}
	var targets []tracer.Station
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, pod := range pods.Items {
		// A pod that is being created has no interfaces yet.
		stations, err := stationsOf(pod.Annotations[networkStatus])
		if err != nil {
			continue
		}
		u.stations[stations.wan] = pod.Labels[hapairv1alpha1.LabelUnit]
		targets = append(targets, stations.lan)
	}
	if len(targets) > 0 {
		u.prober.Aim(targets)
	}
	return nil
}

// unitOf returns the unit that a station on the WAN belongs to.
func (u *unitWatcher) unitOf(station tracer.Station) (string, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	unit, ok := u.stations[station]
	return unit, ok
}

func (u *unitWatcher) wait() { u.done.Wait() }

// interfaces are the hardware addresses of a pod's two traffic interfaces.
type interfaces struct{ lan, wan tracer.Station }

// stationsOf parses the network status annotation.
func stationsOf(status string) (interfaces, error) {
	var entries []struct {
		Interface string `json:"interface"`
		MAC       string `json:"mac"`
	}
	if err := json.Unmarshal([]byte(status), &entries); err != nil {
		return interfaces{}, fmt.Errorf("reading a pod's interfaces: %w", err)
	}
	found := map[string]tracer.Station{}
	for _, e := range entries {
		if mac, err := net.ParseMAC(e.MAC); err == nil && len(mac) == len(tracer.Station{}) {
			found[e.Interface] = tracer.Station(mac)
		}
	}
	lan, onLAN := found["lan"]
	wan, onWAN := found["wan"]
	if !onLAN || !onWAN {
		return interfaces{}, fmt.Errorf("interfaces lan and wan are not among %q", status)
	}
	return interfaces{lan: lan, wan: wan}, nil
}
