package components

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// KubeconfigPath returns the path of a user's kubeconfig.
func (p Paths) KubeconfigPath(user string) string { return filepath.Join(p.Keys, user+".kubeconfig") }

// WriteKubeconfig writes a user's kubeconfig for a server's address. It contains the keys, so that a copy works
// elsewhere.
func WriteKubeconfig(user, server string, paths Paths) error {
	authority, err := os.ReadFile(paths.authority())
	if err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", user, err)
	}
	certificate, err := os.ReadFile(paths.certificate(user))
	if err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", user, err)
	}
	key, err := os.ReadFile(paths.key(user))
	if err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", user, err)
	}
	const name = "hapair"
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: authority}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{ClientCertificateData: certificate, ClientKeyData: key}
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: user}
	config.CurrentContext = name
	if err := clientcmd.WriteToFile(*config, paths.KubeconfigPath(user)); err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", user, err)
	}
	return nil
}

// writeKubeconfigFor writes the kubeconfig of a program on a node.
func writeKubeconfigFor(user string, paths Paths) error {
	return WriteKubeconfig(user, apiServerURL(), paths)
}
