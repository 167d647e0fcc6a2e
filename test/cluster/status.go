package cluster

import (
	"context"
	"time"

	"github.com/hapair-io/hapair/test/namespace"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/network"
)

// statusTimeout bounds the request to the API server, which may have no power.
const statusTimeout = 3 * time.Second

// Status is the current state of the cluster.
type Status struct {
	Hosts []HostStatus
	Cuts  [][2]string // pairs of separated nodes
}

// HostStatus is the state of one host.
type HostStatus struct {
	Name    string
	Address string
	Node    bool
	Powered bool
	PID     int // of a node's PID 1, as the machine sees it
	Cables  []CableStatus
	Ready   string // for a worker with power: yes, or the reason
}

// CableStatus is the state of one cable of a host.
type CableStatus struct {
	Interface string
	Segment   string
	Plugged   bool
}

// Status returns the state of every host. It leaves out what the API server reports if that does not answer in time.
func (c *Cluster) Status(ctx context.Context) (Status, error) {
	if err := requireRoot(); err != nil {
		return Status{}, err
	}
	if err := c.requireUp(); err != nil {
		return Status{}, err
	}
	var status Status
	for _, host := range layout.Hosts() {
		entry, err := c.hostStatus(ctx, host)
		if err != nil {
			return Status{}, err
		}
		status.Hosts = append(status.Hosts, entry)
	}
	cuts, err := network.Cuts()
	if err != nil {
		return Status{}, err
	}
	for _, cut := range cuts {
		status.Cuts = append(status.Cuts, [2]string{cut.A, cut.B})
	}
	return status, nil
}

func (c *Cluster) hostStatus(ctx context.Context, host layout.Host) (HostStatus, error) {
	entry := HostStatus{
		Name: host.Name, Address: host.Address().String(), Node: host.Node,
		Powered: namespace.Exists(host.Namespace()),
	}
	if host.Node {
		init, running, err := runningInit(host.Name)
		if err != nil {
			return entry, err
		}
		if entry.Powered = running; running {
			entry.PID = init.PID
		}
	}
	for _, cable := range host.Cables {
		entry.Cables = append(entry.Cables, CableStatus{
			Interface: cable.Interface, Segment: cable.Segment, Plugged: network.Plugged(host, cable),
		})
	}
	if host.Worker() && entry.Powered {
		entry.Ready = c.readiness(ctx, host.Name)
	}
	return entry, nil
}

// readiness returns what the API server reports about a worker, in a few words.
func (c *Cluster) readiness(ctx context.Context, node string) string {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	api, err := c.client()
	if err != nil {
		return "unknown: " + err.Error()
	}
	if err := nodeReady(ctx, api, node); err != nil {
		return "no: " + err.Error()
	}
	return "yes"
}
