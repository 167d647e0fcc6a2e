package components

import "github.com/hapair-io/hapair/test/cluster/internal/boot"

func scheduler(paths Paths) boot.Program {
	return controller(paths, "kube-scheduler", schedulerUser)
}

// controller returns a program that acts on the API server's objects as a user. It has no replica to elect a leader
// with.
func controller(paths Paths, name, user string, args ...string) boot.Program {
	kubeconfig := paths.KubeconfigPath(user)
	return boot.Program{
		Name: name,
		Path: paths.hyperkube(),
		Args: append([]string{
			"--kubeconfig=" + kubeconfig,
			"--authentication-kubeconfig=" + kubeconfig,
			"--authorization-kubeconfig=" + kubeconfig,
			"--bind-address=127.0.0.1",
			"--leader-elect=false",
		}, args...),
		When: apiServerReady(paths),
	}
}
