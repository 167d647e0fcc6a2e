package components

import (
	"path/filepath"

	"github.com/hapair-io/hapair/test/cluster/internal/boot"
	"github.com/hapair-io/hapair/test/cluster/internal/pki"
)

func controllerManager(paths Paths) boot.Program {
	kubeconfig := paths.KubeconfigPath(controllerManagerUser)
	return boot.Program{
		Name: "kube-controller-manager",
		Path: paths.hyperkube(),
		Args: []string{
			"--kubeconfig=" + kubeconfig,
			"--authentication-kubeconfig=" + kubeconfig,
			"--authorization-kubeconfig=" + kubeconfig,
			"--bind-address=127.0.0.1",
			"--leader-elect=false",
			"--use-service-account-credentials",
			"--service-account-private-key-file=" + filepath.Join(paths.Keys, pki.ServiceAccountKey),
			"--root-ca-file=" + paths.authority(),
			"--cluster-signing-cert-file=" + paths.authority(),
			"--cluster-signing-key-file=" + paths.key(pki.AuthorityName),
			// The loss of a node shows within seconds, for tests do not want to wait for a minute; see also the kubelet's lease.
			"--node-monitor-period=1s",
			"--node-monitor-grace-period=6s",
			// It makes this folder: not outside of what is the node's own.
			"--flex-volume-plugin-dir=/var/lib/kube-controller-manager/volume-plugins",
			// The defaults make a cluster wait for its own first objects.
			"--kube-api-qps=200",
			"--kube-api-burst=400",
		},
		When: apiServerReady(paths),
	}
}
