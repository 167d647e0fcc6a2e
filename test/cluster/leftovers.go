package cluster

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/namespace"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

// Leftovers lists everything of the cluster that exists on the machine, one per line: processes, namespaces, control
// groups, mounts, the console and the state. After Down the list is empty.
func (c *Cluster) Leftovers() ([]string, error) {
	var found []string
	for _, look := range []func() ([]string, error){leftGroups, leftNamespaces, leftMounts, leftConsole, leftState} {
		left, err := look()
		if err != nil {
			return nil, err
		}
		found = append(found, left...)
	}
	return found, nil
}

func leftGroups() ([]string, error) {
	trees, err := hierarchies()
	if err != nil {
		return nil, err
	}
	pids, err := cgroup.Processes(trees, rootGroup)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, pid := range pids {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err != nil {
			continue // it ended in the meantime
		}
		name, _, _ := strings.Cut(string(line), "\x00")
		found = append(found, fmt.Sprintf("process %d (%s)", pid, filepath.Base(name)))
	}
	for _, path := range cgroup.Paths(trees, rootGroup) {
		found = append(found, "control group "+path)
	}
	return found, nil
}

func leftNamespaces() ([]string, error) {
	names := []string{layout.SwitchNamespace}
	for _, host := range layout.Hosts() {
		names = append(names, host.Namespace())
	}
	var found []string
	for _, name := range names {
		if _, err := os.Lstat(namespace.Named(name)); err == nil {
			found = append(found, "network namespace "+name)
		}
	}
	return found, nil
}

func leftMounts() ([]string, error) {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	var found []string
	scanner := bufio.NewScanner(file)
	for scanner.Scan() {
		if fields := strings.Fields(scanner.Text()); len(fields) > 4 && strings.HasPrefix(fields[4], stateDir) {
			found = append(found, "mount "+fields[4])
		}
	}
	return found, scanner.Err()
}

func leftConsole() ([]string, error) {
	var address string
	if found, err := readRecord(consoleRecord(), &address); err != nil || !found {
		return nil, err // a listener elsewhere is not of the cluster
	}
	conn, err := net.DialTimeout("tcp4", address, time.Second)
	if err != nil {
		return nil, nil // the console is closed
	}
	return []string{"listener at " + address}, conn.Close()
}

func leftState() ([]string, error) {
	if _, err := os.Lstat(stateDir); err != nil {
		return nil, nil // the folder does not exist
	}
	return []string{"folder " + stateDir}, nil
}
