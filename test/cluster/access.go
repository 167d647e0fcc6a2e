package cluster

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/hapair-io/hapair/test/cluster/internal/components"
)

// Kubeconfig is the path of the administrator's kubeconfig. It leads to the console and works from the machine's own
// network; it holds its keys, so that a copy works as well.
func (c *Cluster) Kubeconfig() string { return c.paths().KubeconfigPath(components.AdminUser) }

// KubectlCache is where kubectl may keep what it learns of this cluster; it goes with the cluster.
func (c *Cluster) KubectlCache() string { return filepath.Join(stateDir, "kubectl-cache") }

// RESTConfig is that kubeconfig for a client in this process. Tests are not slowed down on the client's side.
func (c *Cluster) RESTConfig() (*rest.Config, error) {
	if err := c.requireUp(); err != nil {
		return nil, err
	}
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.QPS = -1
	return config, nil
}
