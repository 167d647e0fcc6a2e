package components

import "github.com/hapair-io/hapair/test/cluster/internal/boot"

func scheduler(paths Paths) boot.Program {
	kubeconfig := paths.KubeconfigPath(schedulerUser)
	return boot.Program{
		Name: "kube-scheduler",
		Path: paths.hyperkube(),
		Args: []string{
			"--kubeconfig=" + kubeconfig,
			"--authentication-kubeconfig=" + kubeconfig,
			"--authorization-kubeconfig=" + kubeconfig,
			"--bind-address=127.0.0.1",
			"--leader-elect=false",
		},
		When: apiServerReady(paths),
	}
}
