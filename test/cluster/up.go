package cluster

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
	"github.com/hapair-io/hapair/test/cluster/internal/components"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/manifests"
	"github.com/hapair-io/hapair/test/cluster/internal/network"
	"github.com/hapair-io/hapair/test/cluster/internal/pki"
)

const (
	readyTimeout  = 3 * time.Minute // on a machine with much else to do
	readyInterval = 100 * time.Millisecond
)

// Up starts whatever of the cluster does not run and returns when pods can be made. Of a cluster that is up it changes
// nothing but to start nodes that have no power; of one whose start was interrupted, or whose machine was restarted, it does the rest.
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
		{"Making keys", c.makeKeys},
		{"Making the switch, the client and the server", c.makeSwitch},
		{"Starting nodes", c.startNodes},
		{"Loading the image of pods' sandboxes", c.loadPause},
		{"Waiting for the API server", c.awaitAPIServer},
		{"Applying the kinds that the cluster needs", c.applyManifests},
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
	return components.WriteKubeconfig(components.AdminUser, "https://"+consoleAddress, c.paths())
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

func (c *Cluster) awaitAPIServer(ctx context.Context) error {
	config, err := c.RESTConfig()
	if err != nil {
		return err
	}
	discover, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return fmt.Errorf("making a client of the API server: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	return poll(ctx, readyInterval, "the API server (see logs in "+LogDir(ControlPlane)+")", func(ctx context.Context) error {
		return discover.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

func (c *Cluster) applyManifests(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	return manifests.Apply(ctx, api)
}

// awaitNodes waits until pods can be made: the workers are ready, and the service account that pods run under by
// default is there.
func (c *Cluster) awaitNodes(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for _, worker := range layout.Workers() {
		what := fmt.Sprintf("%s to be ready (see logs in %s)", worker.Name, LogDir(worker.Name))
		if err := poll(ctx, readyInterval, what, func(ctx context.Context) error {
			return nodeReady(ctx, api, worker.Name)
		}); err != nil {
			return err
		}
	}
	account := client.ObjectKey{Namespace: corev1.NamespaceDefault, Name: "default"}
	return poll(ctx, readyInterval, "service account default", func(ctx context.Context) error {
		return api.Get(ctx, account, &corev1.ServiceAccount{})
	})
}

func nodeReady(ctx context.Context, api client.Client, name string) error {
	var node corev1.Node
	if err := api.Get(ctx, client.ObjectKey{Name: name}, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			continue
		}
		if condition.Status == corev1.ConditionTrue {
			return nil
		}
		return errors.New(condition.Message)
	}
	return errors.New("the kubelet has not reported yet")
}

func (c *Cluster) client() (client.Client, error) {
	config, err := c.RESTConfig()
	if err != nil {
		return nil, err
	}
	api, err := client.New(config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		return nil, fmt.Errorf("making a client of the API server: %w", err)
	}
	return api, nil
}
