package components

import (
	"path/filepath"

	"github.com/hapair-io/hapair/test/cluster/internal/boot"
	"github.com/hapair-io/hapair/test/cluster/internal/pki"
)

func controllerManager(paths Paths) boot.Program {
	return controller(paths, "kube-controller-manager", controllerManagerUser,
		"--use-service-account-credentials",
		"--service-account-private-key-file="+filepath.Join(paths.Keys, pki.ServiceAccountKey),
		"--root-ca-file="+paths.authority(),
		"--cluster-signing-cert-file="+paths.authority(),
		"--cluster-signing-key-file="+paths.key(pki.AuthorityName),
		// The loss of a node must show within seconds, not after a minute. See also the kubelet's lease.
		"--node-monitor-period=1s",
		"--node-monitor-grace-period=6s",
		// It creates this folder, which must be inside the node.
		"--flex-volume-plugin-dir=/var/lib/kube-controller-manager/volume-plugins",
		// The defaults would delay a cluster's first objects.
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	)
}
