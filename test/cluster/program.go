package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
	"github.com/hapair-io/hapair/test/cluster/internal/clock"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/process"
	"github.com/hapair-io/hapair/test/namespace"
)

// Program is a program on a node: one of Kubernetes, or of a pod's container.
type Program struct {
	Node string
	// Name is the name that it was started by, without its folder, such as kube-apiserver or sidecar.
	Name string
	// Pod limits it to the containers of one pod, if it is set.
	Pod types.UID
}

func (p Program) String() string {
	if p.Pod == "" {
		return fmt.Sprintf("program %s of %s", p.Name, p.Node)
	}
	return fmt.Sprintf("program %s of pod %s of %s", p.Name, p.Pod, p.Node)
}

// Signal sends a signal to a program: SIGKILL is a crash, SIGSTOP stops it until SIGCONT. A node restarts a program of
// Kubernetes one second after its end. It is an error if no such program runs.
func (c *Cluster) Signal(program Program, signal unix.Signal) error {
	found, err := c.processes(program.Node, program.matches)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("sending %s: no %s runs", unix.SignalName(signal), program)
	}
	var errs []error
	for _, id := range found {
		errs = append(errs, id.Signal(signal))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("sending %s to %s: %w", unix.SignalName(signal), program, err)
	}
	return nil
}

// WithinProgram runs act in the network of a program, as Within does in that of a host.
func (c *Cluster) WithinProgram(program Program, act func() error) error {
	found, err := c.processes(program.Node, program.matches)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return fmt.Errorf("entering its network: no %s runs", program)
	}
	return namespace.Do(namespace.OfProcess(found[0].PID), act)
}

// SetClock sets the offset of the wall clock for everything that runs on a node: all programs of Kubernetes and of the
// pods. Programs that start later see the machine's time, which is also the time with offset zero. Monotonic clocks do
// not change. Do not use it on a node with stopped programs: it would resume them.
func (c *Cluster) SetClock(ctx context.Context, node string, offset time.Duration) error {
	found, err := c.processes(node, func(process.Identity) bool { return true })
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range found {
		errs = append(errs, clock.Set(ctx, id.PID, offset))
	}
	return errors.Join(errs...)
}

// processes returns the processes of a node that match, including those of pods.
func (c *Cluster) processes(node string, matches func(process.Identity) bool) ([]process.Identity, error) {
	host, err := layout.FindNode(node)
	if err != nil {
		return nil, err
	}
	if _, err := c.findOn(node); err != nil {
		return nil, err
	}
	trees, err := hierarchies()
	if err != nil {
		return nil, err
	}
	pids, err := cgroup.Processes(trees, groupOf(host))
	if err != nil {
		return nil, fmt.Errorf("listing the processes of %s: %w", node, err)
	}
	var found []process.Identity
	for _, pid := range pids {
		id, err := process.Identify(pid)
		if errors.Is(err, process.ErrEnded) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if matches(id) {
			found = append(found, id)
		}
	}
	return found, nil
}

// matches reports whether a process has the program's name, and a control group with the pod's identifier.
func (p Program) matches(id process.Identity) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id.PID))
	if err != nil {
		return false // it ended in the meantime
	}
	name, _, _ := strings.Cut(string(line), "\x00")
	if filepath.Base(name) != p.Name {
		return false
	}
	if p.Pod == "" {
		return true
	}
	group, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", id.PID))
	return err == nil && bytes.Contains(group, []byte("pod"+string(p.Pod)))
}
