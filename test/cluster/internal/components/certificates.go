package components

import (
	"net/netip"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/pki"
)

// These are the names of certificates, and of their users. A user's kubeconfig has the same name.
const (
	AdminUser             = "admin"
	apiServerServing      = "kube-apiserver"
	apiServerToKubelet    = "kube-apiserver-kubelet-client"
	aggregatorUser        = "aggregator"
	controllerManagerUser = "kube-controller-manager"
	schedulerUser         = "kube-scheduler"
	kubeProxyUser         = "kube-proxy"
	networkUser           = "multinet"
)

// NetworkUserName is the API server's name for the plugin that attaches pods to networks.
const NetworkUserName = "hapair:multinet"

const administrators = "system:masters"

// Certificates returns the certificates of all programs.
func Certificates() []pki.Certificate {
	certificates := []pki.Certificate{
		apiServerCertificate(),
		{Name: AdminUser, CommonName: "admin", Organizations: []string{administrators}},
		{Name: apiServerToKubelet, CommonName: "kube-apiserver", Organizations: []string{administrators}},
		{Name: aggregatorUser, CommonName: aggregatorUser},
		{Name: controllerManagerUser, CommonName: "system:kube-controller-manager"},
		{Name: schedulerUser, CommonName: "system:kube-scheduler"},
		{Name: kubeProxyUser, CommonName: "system:kube-proxy"},
		{Name: networkUser, CommonName: NetworkUserName},
	}
	for _, host := range layout.Workers() {
		certificates = append(certificates,
			pki.Certificate{
				Name: nodeUser(host), CommonName: "system:node:" + host.Name, Organizations: []string{"system:nodes"},
			},
			pki.Certificate{
				Name: kubeletServing(host), CommonName: host.Name,
				Addresses: []netip.Addr{host.Address()}, DNSNames: []string{host.Name},
			})
	}
	return certificates
}

func apiServerCertificate() pki.Certificate {
	host, err := layout.FindHost(layout.ControlPlane)
	if err != nil {
		panic(err) // the layout has a control plane
	}
	return pki.Certificate{
		Name: apiServerServing, CommonName: "kube-apiserver",
		Addresses: []netip.Addr{
			host.Address(),
			netip.MustParseAddr(layout.APIServerService),
			netip.AddrFrom4([4]byte{127, 0, 0, 1}), // the console
		},
		DNSNames: []string{
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost",
		},
	}
}

func nodeUser(host layout.Host) string       { return "kubelet-" + host.Name }
func kubeletServing(host layout.Host) string { return "kubelet-" + host.Name + "-serving" }
