package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/hapair-io/hapair/test/namespace"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/network"
)

// Down ends every process of the cluster and removes everything that it created, including the remains of a crash.
// Without a cluster it does nothing.
func (c *Cluster) Down(ctx context.Context, progress Progress) error {
	if err := requireRoot(); err != nil {
		return err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()

	progress("Cutting the power of every node")
	if err := c.powerOffAll(ctx); err != nil {
		return err
	}
	progress("Ending the other processes of the cluster")
	if err := c.endGuests(ctx); err != nil {
		return err
	}
	progress("Removing networks and state")
	if err := removeNetworks(); err != nil {
		return err
	}
	if err := os.RemoveAll(stateDir); err != nil {
		return fmt.Errorf("removing the cluster's state: %w", err)
	}
	return nil
}

// powerOffAll cuts the power of all nodes in parallel, because the kernel needs time for each.
func (c *Cluster) powerOffAll(ctx context.Context) error {
	nodes := layout.Nodes()
	errs := make([]error, len(nodes))
	var group sync.WaitGroup
	for i, host := range nodes {
		group.Go(func() { errs[i] = c.powerOff(ctx, host) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// endGuests ends the remaining processes in the cluster's control groups, and removes the groups.
func (c *Cluster) endGuests(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, removalTimeout)
	defer cancel()
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	if err := cgroup.Kill(ctx, trees, rootGroup); err != nil {
		return err
	}
	return cgroup.Remove(ctx, trees, rootGroup)
}

func removeNetworks() error {
	var errs []error
	for _, host := range layout.Hosts() {
		errs = append(errs, network.DeleteHost(host))
	}
	return errors.Join(append(errs, namespace.Delete(layout.SwitchNamespace))...)
}
