package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/hapair-io/hapair/test/namespace"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/boot"
	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
	"github.com/hapair-io/hapair/test/cluster/internal/components"
	"github.com/hapair-io/hapair/test/cluster/internal/layout"
	"github.com/hapair-io/hapair/test/cluster/internal/network"
	"github.com/hapair-io/hapair/test/cluster/internal/process"
)

// removalTimeout bounds how long the kernel may take to release the resources of a dead node.
const removalTimeout = 30 * time.Second

// PowerOff cuts a node's power. Its cables are unplugged first, so that no packet reveals the end: no FIN and no RST,
// as in a real power loss. Then every process is killed at once. The disk stays. A node without power is left as it is.
func (c *Cluster) PowerOff(ctx context.Context, node string) error {
	host, unlock, err := c.forPower(ctx, node)
	if err != nil {
		return err
	}
	defer unlock()
	return c.powerOff(ctx, host)
}

// PowerOn starts a node from its disk, with all cables plugged in. It returns when the node's programs are starting. A
// node with power is left as it is.
func (c *Cluster) PowerOn(ctx context.Context, node string) error {
	host, unlock, err := c.forPower(ctx, node)
	if err != nil {
		return err
	}
	defer unlock()
	return c.powerOn(ctx, host)
}

func (c *Cluster) forPower(ctx context.Context, node string) (host layout.Host, unlock func(), err error) {
	if host, err = layout.FindNode(node); err != nil {
		return host, nil, err
	}
	if err := errors.Join(requireRoot(), c.requireUp()); err != nil {
		return host, nil, err
	}
	unlock, err = c.lock(ctx)
	return host, unlock, err
}

func (c *Cluster) powerOff(ctx context.Context, host layout.Host) error {
	init, running, err := runningInit(host.Name)
	if err != nil {
		return err
	}
	if running {
		for _, cable := range host.Cables {
			if network.Plugged(host, cable) {
				if err := network.Unplug(host, cable); err != nil {
					return err
				}
			}
		}
		if err := init.Kill(ctx); err != nil {
			return fmt.Errorf("cutting the power of %s: %w", host.Name, err)
		}
	}
	return c.clear(ctx, host)
}

// clear removes what a node without power left behind, including the remains of an interrupted start. The control
// groups of dead pods would cost the next kubelet seconds each.
func (c *Cluster) clear(ctx context.Context, host layout.Host) error {
	ctx, cancel := context.WithTimeout(ctx, removalTimeout)
	defer cancel()
	if err := network.DeleteHost(host); err != nil {
		return err
	}
	trees, err := hierarchies()
	if err != nil {
		return err
	}
	if err := cgroup.Kill(ctx, trees, groupOf(host)); err != nil {
		return err
	}
	if err := cgroup.Remove(ctx, trees, groupOf(host)); err != nil {
		return err
	}
	if err := os.Remove(initRecord(host.Name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("removing the record of the last start of %s: %w", host.Name, err)
	}
	return nil
}

func (c *Cluster) powerOn(ctx context.Context, host layout.Host) error {
	_, running, err := runningInit(host.Name)
	if err != nil || running {
		return err
	}
	if err := c.clear(ctx, host); err != nil {
		return err
	}
	if err := network.CreateHost(host); err != nil {
		return err
	}
	spec, err := c.prepare(host)
	if err != nil {
		return fmt.Errorf("preparing the start of %s: %w", host.Name, err)
	}
	if err := c.start(host, spec); err != nil {
		return fmt.Errorf("starting %s: %w", host.Name, err)
	}
	return nil
}

// prepare writes everything that a node reads when it starts. It returns the path of its Spec.
func (c *Cluster) prepare(host layout.Host) (string, error) {
	trees, err := hierarchies()
	if err != nil {
		return "", err
	}
	if err := cgroup.Create(trees, groupOf(host)); err != nil {
		return "", err
	}
	for _, dir := range []string{diskDir(host.Name), configDir(host.Name), LogDir(host.Name)} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
	}
	node, err := c.render(host)
	if err != nil {
		return "", err
	}
	spec := boot.Spec{
		Hostname:    host.Name,
		Hierarchies: trees,
		Group:       groupOf(host),
		State:       stateDir,
		Disk:        diskDir(host.Name),
		Logs:        LogDir(host.Name),
		Path:        c.bin + ":" + os.Getenv("PATH"),
		Programs:    node.Programs,
	}
	if !host.Worker() {
		spec.Relay = net.JoinHostPort(host.Address().String(), fmt.Sprint(layout.APIServerPort))
	}
	path := filepath.Join(nodeDir(host.Name), "boot.json")
	return path, writeRecord(path, spec)
}

// render writes a node's configuration files.
func (c *Cluster) render(host layout.Host) (components.Node, error) {
	paths := c.paths()
	var err error
	if paths.Runc, err = exec.LookPath("runc"); err != nil {
		return components.Node{}, err
	}
	if paths.PauseImage, err = c.pauseImage(); err != nil {
		return components.Node{}, err
	}
	node, err := components.ForNode(host, paths, configDir(host.Name))
	if err != nil {
		return components.Node{}, err
	}
	for _, file := range node.Files {
		path := filepath.Join(configDir(host.Name), file.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return components.Node{}, err
		}
		if err := os.WriteFile(path, file.Content, 0o600); err != nil {
			return components.Node{}, err
		}
	}
	return node, nil
}

// start starts PID 1, which waits until it is recorded. If this process is killed in between, the node ends with the
// pipe and does not run unknown.
func (c *Cluster) start(host layout.Host, spec string) error {
	output, err := os.OpenFile(initLog(host.Name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { _ = output.Close() }()
	held, permit, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = permit.Close() }()
	defer func() { _ = held.Close() }()

	command := exec.Command(filepath.Join(c.bin, "cluster"), "node-init", spec)
	command.ExtraFiles = []*os.File{held}
	command.SysProcAttr = &unix.SysProcAttr{
		Setsid:     true, // it survives the terminal
		Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC,
	}
	if !host.Worker() {
		console, err := listenAtConsole()
		if err != nil {
			return err
		}
		defer func() { _ = console.Close() }()
		command.ExtraFiles = append(command.ExtraFiles, console)
	}
	start := func() error { return startDetached(command, output) }
	if err := namespace.Do(namespace.Named(host.Namespace()), start); err != nil {
		return err
	}
	// A process that lives longer than the node, such as a test, reaps it here. Otherwise the machine's init does.
	go func() { _ = command.Wait() }()
	init, err := process.Identify(command.Process.Pid)
	if err != nil {
		return fmt.Errorf("PID 1 ended at once, see %s: %w", output.Name(), err)
	}
	if err := writeRecord(initRecord(host.Name), init); err != nil {
		return err
	}
	_, err = permit.Write([]byte{1})
	return err
}

// noPower returns an error with the reason why a node has no power. If PID 1 ended by itself, it has the last line of
// its log.
func noPower(node string) error {
	const remedy = "run `cluster power-on %s`"
	var ended process.Identity
	if started, err := readRecord(initRecord(node), &ended); err != nil || !started {
		return fmt.Errorf("%s has no power: "+remedy, node, node)
	}
	log, err := os.ReadFile(initLog(node))
	if err != nil {
		return fmt.Errorf("PID 1 of %s ended by itself, and its log cannot be read: %w", node, err)
	}
	lines := strings.Split(strings.TrimSpace(string(log)), "\n")
	return fmt.Errorf("PID 1 of %s ended by itself, the last line of its log is %q: "+remedy,
		node, lines[len(lines)-1], node)
}

func initLog(node string) string { return filepath.Join(LogDir(node), "init.log") }

func groupOf(host layout.Host) string { return rootGroup + "/" + host.Name }
