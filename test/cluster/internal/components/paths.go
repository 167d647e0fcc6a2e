package components

import (
	"fmt"
	"path/filepath"

	"github.com/hapair-io/hapair/test/cluster/internal/boot"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/pki"
)

// Paths are the folders and programs that the nodes' programs use.
type Paths struct {
	Bin        string // programs built from this repository
	Keys       string // written by package pki
	Runc       string // the machine's container runtime
	PauseImage string // reference of the image of pod sandboxes
}

// File is a configuration file of a node.
type File struct {
	Name    string // below the node's folder of configuration
	Content []byte
}

// Node is the rendered role of a node.
type Node struct {
	Programs []boot.Program
	Files    []File
}

// ForNode renders a node. config is the folder for its Files.
func ForNode(host layout.Host, paths Paths, config string) (Node, error) {
	if host.Worker() {
		return worker(host, paths, config)
	}
	return controlPlane(host, paths)
}

func controlPlane(host layout.Host, paths Paths) (Node, error) {
	node := Node{Programs: []boot.Program{
		etcd(paths), apiServer(host, paths), controllerManager(paths), scheduler(paths),
	}}
	for _, user := range []string{controllerManagerUser, schedulerUser} {
		if err := writeKubeconfigFor(user, paths); err != nil {
			return Node{}, err
		}
	}
	return node, nil
}

func worker(host layout.Host, paths Paths, config string) (Node, error) {
	node := Node{Programs: []boot.Program{
		containerd(paths, config), kubelet(host, paths, config), kubeProxy(paths, config),
	}}
	for _, user := range []string{nodeUser(host), kubeProxyUser} {
		if err := writeKubeconfigFor(user, paths); err != nil {
			return Node{}, err
		}
	}
	renderers := []struct {
		name   string
		render func(layout.Host, Paths, string) ([]byte, error)
	}{
		{containerdConfig, renderContainerd},
		{kubeletConfig, renderKubelet},
		{kubeProxyConfig, renderKubeProxy},
		{networkConfig, renderNetwork},
	}
	for _, r := range renderers {
		content, err := r.render(host, paths, config)
		if err != nil {
			return Node{}, fmt.Errorf("rendering %s of %s: %w", r.name, host.Name, err)
		}
		node.Files = append(node.Files, File{Name: r.name, Content: content})
	}
	return node, nil
}

// hyperkube returns the path of the binary with all programs of Kubernetes. The name that it is called by selects the
// program.
func (p Paths) hyperkube() string { return filepath.Join(p.Bin, "hyperkube") }

func (p Paths) key(name string) string { return filepath.Join(p.Keys, name+pki.KeySuffix) }
func (p Paths) certificate(name string) string {
	return filepath.Join(p.Keys, name+pki.CertificateSuffix)
}
func (p Paths) authority() string { return p.certificate(pki.AuthorityName) }

// apiServerURL returns the address of the API server on the node network.
func apiServerURL() string {
	host, err := layout.FindHost(layout.ControlPlane)
	if err != nil {
		panic(err) // the layout has a control plane
	}
	return fmt.Sprintf("https://%s:%d", host.Address(), layout.APIServerPort)
}

// apiServerReady returns the condition that the API server serves.
func apiServerReady(paths Paths) boot.Condition {
	return boot.Condition{URL: apiServerURL() + "/readyz", Authority: paths.authority()}
}
