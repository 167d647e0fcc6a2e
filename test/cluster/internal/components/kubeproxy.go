package components

import (
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/test/cluster/internal/boot"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

const kubeProxyConfig = "kube-proxy.yaml"

func kubeProxy(paths Paths, config string) boot.Program {
	return boot.Program{
		Name: "kube-proxy",
		Path: paths.hyperkube(),
		Args: []string{"--config=" + filepath.Join(config, kubeProxyConfig)},
		When: apiServerReady(paths),
	}
}

func renderKubeProxy(host layout.Host, paths Paths, _ string) ([]byte, error) {
	return yaml.Marshal(map[string]any{
		"apiVersion":       "kubeproxy.config.k8s.io/v1alpha1",
		"kind":             "KubeProxyConfiguration",
		"mode":             "nftables",
		"hostnameOverride": host.Name,
		"clusterCIDR":      layout.PodNetwork,
		"clientConnection": map[string]any{"kubeconfig": paths.KubeconfigPath(kubeProxyUser)},
		// The size of the connection table belongs to the machine and stays unchanged.
		"conntrack": map[string]any{
			"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s",
		},
	})
}
