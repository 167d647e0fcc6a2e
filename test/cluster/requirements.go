package cluster

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// requirement is a program that the cluster runs.
type requirement struct {
	path string // below the folder of built programs
	make string // the target that builds it
}

func requirements() []requirement {
	const own, components, images = "make prepare-demo", "make kubernetes", "make images"
	return []requirement{
		{"cluster", own},
		{"hyperkube", components},
		{"etcd", components},
		{"containerd", components},
		{"ctr", components},
		{"containerd-shim-runc-v2", components},
		{"cni/multinet", components},
		{"cni/bridge", components},
		{"cni/host-local", components},
		{"cni/loopback", components},
		{"cni/macvlan", components},
		{"cni/static", components},
		{pauseArchive, images},
		{pauseReference, images},
	}
}

// machinePrograms maps required programs of the machine to their Debian packages.
func machinePrograms() map[string]string { return map[string]string{"runc": "runc", "nft": "nftables"} }

// requireRoot returns an error without root. Every operation that changes the cluster or enters a host calls it first.
func requireRoot() error {
	if os.Geteuid() != 0 {
		return errors.New("this needs root to create namespaces, mounts and control groups")
	}
	return nil
}

// checkRequirements returns an error that lists all missing programs and how to get them.
func (c *Cluster) checkRequirements() error {
	missing := map[string][]string{} // by the target that builds them
	for _, r := range requirements() {
		if _, err := os.Stat(filepath.Join(c.bin, r.path)); err != nil {
			missing[r.make] = append(missing[r.make], r.path)
		}
	}
	var errs []error
	for _, target := range slices.Sorted(maps.Keys(missing)) {
		errs = append(errs, fmt.Errorf("%s has no %s: run `%s`", c.bin, strings.Join(missing[target], ", "), target))
	}
	programs := machinePrograms()
	for _, program := range slices.Sorted(maps.Keys(programs)) {
		if _, err := exec.LookPath(program); err != nil {
			errs = append(errs, fmt.Errorf("the machine has no %s: run `apt-get install %s`", program, programs[program]))
		}
	}
	return errors.Join(errs...)
}
