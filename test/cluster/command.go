package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/hapair-io/hapair/test/namespace"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/process"
)

// Command prepares a command that runs in a host. On a worker it runs in all of its namespaces, like a login. On other
// hosts it runs in their network namespace only, with the machine's files. It ends with the caller, the context or the
// cluster.
func (c *Cluster) Command(ctx context.Context, host string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, filepath.Join(c.bin, "cluster"), append([]string{"exec", host, "--"}, args...)...)
}

// Within runs act in the network of a host. Sockets that it opens and processes that it starts belong to that network.
// Goroutines that act starts do not. Sockets may be used anywhere once they are open.
func (c *Cluster) Within(host string, act func() error) error {
	target, err := c.findOn(host)
	if err != nil {
		return err
	}
	return namespace.Do(namespace.Named(target.Namespace()), act)
}

// Exec replaces this process by a command in a host, as described at Command. It returns only if that fails. For a
// worker it returns the command's exit code, and the command ends with the caller.
func (c *Cluster) Exec(host string, args []string) (int, error) {
	target, err := c.findOn(host)
	if err != nil {
		return 0, err
	}
	trees, err := hierarchies()
	if err != nil {
		return 0, err
	}
	// Join the cluster's group, so that the command ends with the cluster.
	if err := cgroup.Join(trees, guestGroup); err != nil {
		return 0, err
	}
	if target.Worker() {
		init, running, err := runningInit(host)
		if err != nil || !running {
			return 0, errorOr(err, noPower(host))
		}
		return process.RunIn(init.PID, args)
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 0, err
	}
	return 0, namespace.Do(namespace.Named(target.Namespace()), func() error {
		err := unix.Exec(path, args, os.Environ())
		return fmt.Errorf("running %s: %w", path, err)
	})
}

// findOn returns a host that has power.
func (c *Cluster) findOn(name string) (layout.Host, error) {
	host, err := layout.FindHost(name)
	if err != nil {
		return host, err
	}
	if err := requireRoot(); err != nil {
		return host, err
	}
	if err := c.requireUp(); err != nil {
		return host, err
	}
	if !namespace.Exists(host.Namespace()) {
		return host, noPower(name)
	}
	return host, nil
}
