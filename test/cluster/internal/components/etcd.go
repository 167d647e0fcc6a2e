package components

import (
	"path/filepath"

	"github.com/hapair-io/hapair/test/cluster/internal/boot"
)

// etcdURL is reachable from the control plane only.
const etcdURL = "http://127.0.0.1:2379"

func etcd(paths Paths) boot.Program {
	const peerURL = "http://127.0.0.1:2380"
	return boot.Program{
		Name: "etcd",
		Path: filepath.Join(paths.Bin, "etcd"),
		Args: []string{
			"--name=control-plane",
			"--data-dir=/var/lib/etcd/data",
			"--listen-client-urls=" + etcdURL,
			"--advertise-client-urls=" + etcdURL,
			"--listen-peer-urls=" + peerURL,
			"--initial-advertise-peer-urls=" + peerURL,
			"--initial-cluster=control-plane=" + peerURL,
			"--log-level=warn",
			// A killed node loses no written data, synchronized or not.
			"--unsafe-no-fsync",
		},
	}
}
