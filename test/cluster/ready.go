package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/poll"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

const (
	readyTimeout  = 3 * time.Minute // on a busy machine
	readyInterval = 100 * time.Millisecond
)

// AwaitReady waits until a node works: the control plane answers, a worker is ready for pods. A worker's report from
// before its power cut does not count, though the API server believes it for some seconds.
func (c *Cluster) AwaitReady(ctx context.Context, node string) error {
	host, err := layout.FindNode(node)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if !host.Worker() {
		return c.awaitAPIServer(ctx)
	}
	api, err := c.client()
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%s to be ready (see logs in %s)", node, LogDir(node))
	return poll.Until(ctx, readyInterval, what, func(ctx context.Context) error { return nodeReady(ctx, api, node) })
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
	what := "the API server (see logs in " + LogDir(ControlPlane) + ")"
	return poll.Until(ctx, readyInterval, what, func(ctx context.Context) error {
		return discover.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	})
}

func (c *Cluster) awaitServiceAccount(ctx context.Context) error {
	api, err := c.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	account := client.ObjectKey{Namespace: corev1.NamespaceDefault, Name: "default"}
	return poll.Until(ctx, readyInterval, "service account default", func(ctx context.Context) error {
		return api.Get(ctx, account, &corev1.ServiceAccount{})
	})
}

// nodeReady returns why a worker is not ready, or nil.
func nodeReady(ctx context.Context, api client.Client, name string) error {
	booted, err := bootID(name)
	if err != nil {
		return err
	}
	var node corev1.Node
	if err := api.Get(ctx, client.ObjectKey{Name: name}, &node); err != nil {
		return fmt.Errorf("querying the API server: %w", err)
	}
	if node.Status.NodeInfo.BootID != booted {
		return errors.New("the kubelet has not reported since the node was started")
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

// bootID returns the random number of a node's start, which its kubelet reports.
func bootID(node string) (string, error) {
	init, running, err := runningInit(node)
	if err != nil || !running {
		return "", errorOr(err, noPower(node))
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/root/proc/sys/kernel/random/boot_id", init.PID))
	if err != nil {
		return "", fmt.Errorf("reading the boot identifier of %s: %w", node, err)
	}
	return strings.TrimSpace(string(text)), nil
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
