package cluster

import (
	"context"
	"path/filepath"
	"runtime"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
	"github.com/hapair-io/hapair/test/cluster/internal/components"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/manifests"
	"github.com/hapair-io/hapair/test/cluster/internal/network"
	"github.com/hapair-io/hapair/test/cluster/internal/pki"
)

// Up starts everything of the cluster that does not run, and returns when pods can start. On a running cluster it only
// starts nodes without power. After an interrupted start or a restart of the machine it completes the rest.
func (c *Cluster) Up(ctx context.Context, progress Progress) error {
	if err := requireRoot(); err != nil {
		return err
	}
	if err := c.checkRequirements(); err != nil {
		return err
	}
	unlock, err := c.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()

	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"Creating keys", c.makeKeys},
		{"Creating the switch, the client and the server", c.makeSwitch},
		{"Starting nodes", c.startNodes},
		{"Loading the image of pod sandboxes", c.loadPause},
		{"Waiting for the API server", func(ctx context.Context) error { return c.AwaitReady(ctx, ControlPlane) }},
		{"Applying the resource definitions that the cluster needs", c.applyManifests},
		{"Waiting for nodes to be ready", c.awaitNodes},
	}
	for _, step := range steps {
		progress("%s", step.what)
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) makeKeys(context.Context) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	if err := writeRecord(hierarchiesRecord(), trees); err != nil {
		return err
	}
	if err := pki.Ensure(c.paths().Keys, components.Certificates()); err != nil {
		return err
	}
	console, err := ensureConsole()
	if err != nil {
		return err
	}
	return components.WriteKubeconfig(components.AdminUser, "https://"+console, c.paths())
}

func (c *Cluster) makeSwitch(context.Context) error {
	if err := network.CreateSwitch(); err != nil {
		return err
	}
	for _, host := range layout.Hosts() {
		if host.Node {
			continue
		}
		if err := network.CreateHost(host); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) startNodes(ctx context.Context) error {
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	if err := cgroup.Create(trees, guestGroup); err != nil {
		return err
	}
	// Each node stands for a machine whose processors are its own. Without a weight, all nodes together get as much of the
	// processors as one program of this machine.
	if err := cgroup.SetWeight(trees, rootGroup, len(layout.Nodes())*runtime.NumCPU()); err != nil {
		return err
	}
	for _, host := range layout.Nodes() {
		if err := c.powerOn(ctx, host); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) loadPause(ctx context.Context) error {
	return c.Load(ctx, filepath.Join(c.bin, pauseArchive))
}

func (c *Cluster) applyManifests(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return manifests.Apply(ctx, api)
}

// awaitNodes waits until pods can start: the workers are ready, and the default service account exists.
func (c *Cluster) awaitNodes(ctx context.Context) error {
	for _, worker := range layout.Workers() {
		if err := c.AwaitReady(ctx, worker.Name); err != nil {
			return err
		}
	}
	return c.awaitServiceAccount(ctx)
}
