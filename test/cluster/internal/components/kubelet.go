package components

import (
	"path/filepath"

	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/test/cluster/internal/boot"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

const kubeletConfig = "kubelet.yaml"

func kubelet(host layout.Host, paths Paths, config string) boot.Program {
	return boot.Program{
		Name: "kubelet",
		Path: paths.hyperkube(),
		Args: []string{
			"--config=" + filepath.Join(config, kubeletConfig),
			"--kubeconfig=" + paths.KubeconfigPath(nodeUser(host)),
			"--hostname-override=" + host.Name,
			"--node-ip=" + host.Address().String(),
		},
		When: apiServerReady(paths),
	}
}

func renderKubelet(host layout.Host, paths Paths, _ string) ([]byte, error) {
	return yaml.Marshal(map[string]any{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"containerRuntimeEndpoint": "unix://" + ContainerdSocket,
		"cgroupDriver":             "cgroupfs",
		"failCgroupV1":             false,
		"failSwapOn":               false,
		"enforceNodeAllocatable":   []string{"pods"},
		"volumePluginDir":          "/var/lib/kubelet/volume-plugins",
		"tlsCertFile":              paths.certificate(kubeletServing(host)),
		"tlsPrivateKeyFile":        paths.key(kubeletServing(host)),
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": paths.authority()},
		},
		"authorization": map[string]any{"mode": "Webhook"},
		"clusterDomain": "cluster.local",
		"clusterDNS":    []string{layout.DNSService},
		"resolvConf":    "/etc/resolv.conf",
		"maxPods":       50,
		// A firewall's pod may set sysctls of its own network namespace.
		"allowedUnsafeSysctls": []string{"net.*"},
		// The lease is renewed at a quarter of this interval. With the controller manager's grace period, a node's loss shows
		// within seconds.
		"nodeLeaseDurationSeconds":  4,
		"nodeStatusUpdateFrequency": "10s",
		"nodeStatusReportFrequency": "1m",
		// The cluster shares the machine's disk. If other programs fill it, the kubelet must not evict pods or images.
		"evictionHard": map[string]any{
			"memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%",
		},
		"imageGCHighThresholdPercent": 100,
		"imageGCLowThresholdPercent":  99,
	})
}
