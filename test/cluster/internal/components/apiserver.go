package components

import (
	"fmt"
	"path/filepath"

	"github.com/hapair-io/hapair/test/cluster/internal/boot"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/pki"
)

func apiServer(host layout.Host, paths Paths) boot.Program {
	return boot.Program{
		Name: "kube-apiserver",
		Path: paths.hyperkube(),
		Args: []string{
			"--etcd-servers=" + etcdURL,
			"--bind-address=0.0.0.0",
			fmt.Sprintf("--secure-port=%d", layout.APIServerPort),
			"--advertise-address=" + host.Address().String(),
			"--service-cluster-ip-range=" + layout.ServiceNetwork,

			"--tls-cert-file=" + paths.certificate(apiServerServing),
			"--tls-private-key-file=" + paths.key(apiServerServing),
			"--client-ca-file=" + paths.authority(),
			"--kubelet-client-certificate=" + paths.certificate(apiServerToKubelet),
			"--kubelet-client-key=" + paths.key(apiServerToKubelet),
			"--kubelet-certificate-authority=" + paths.authority(),
			// No name server has the names of the nodes.
			"--kubelet-preferred-address-types=InternalIP",

			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-key-file=" + filepath.Join(paths.Keys, pki.ServiceAccountVerifier),
			"--service-account-signing-key-file=" + filepath.Join(paths.Keys, pki.ServiceAccountKey),

			"--requestheader-client-ca-file=" + paths.authority(),
			"--requestheader-allowed-names=" + aggregatorUser,
			"--requestheader-username-headers=X-Remote-User",
			"--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file=" + paths.certificate(aggregatorUser),
			"--proxy-client-key-file=" + paths.key(aggregatorUser),
			// Webhooks are called at their pods' addresses, because the control plane runs no kube-proxy to translate a
			// Service's.
			"--enable-aggregator-routing=true",

			"--authorization-mode=Node,RBAC",
			"--enable-admission-plugins=NodeRestriction",
			"--allow-privileged=true",
		},
	}
}
