package cluster

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/hapair-io/hapair/test/cluster/internal/components"
)

// Kubeconfig returns the path of the administrator's kubeconfig. It leads to the console and works from the machine's
// own network. It contains its keys, so a copy works as well.
func (c *Cluster) Kubeconfig() string { return c.paths().KubeconfigPath(components.AdminUser) }

// KubectlCache returns the folder in which kubectl may cache what it discovers. Down removes it with the cluster.
func (c *Cluster) KubectlCache() string { return filepath.Join(stateDir, "kubectl-cache") }

// RESTConfig returns the administrator's configuration for a client in this process, without rate limits.
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
