//go:build images

package images_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/supervisor"
	"github.com/hapair-io/hapair/internal/supervisor/health"
	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
	"github.com/hapair-io/hapair/test/images"
	"github.com/hapair-io/hapair/test/namespace"
)

// patience bounds what takes a second on an idle machine.
const patience = 2 * time.Minute

// container is a running container.
type container struct {
	t     *testing.T
	id    string
	pid   int
	log   string
	ended chan error
}

// run starts a container of a sample in a new network namespace.
func run(t *testing.T, s sample) *container {
	t.Helper()
	c := &container{t: t, id: fmt.Sprintf("hapair-image-%s-%d", s.image, os.Getpid()), ended: make(chan error, 1)}
	if err := namespace.Create(c.id); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := namespace.Delete(c.id); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	bundle := images.Bundle{
		Archive: filepath.Join("../../bin/images", s.image+".tar"), Command: append([]string{"/" + s.image}, s.args...),
		Capabilities: s.capabilities, Network: namespace.Named(c.id), HasTUN: s.hasTUN,
	}
	if s.document != "" {
		bundle.Files = map[string]string{contract.FirewallFile: s.document}
	}
	if err := bundle.Write(dir); err != nil {
		t.Fatal(err)
	}
	c.log = filepath.Join(dir, "log")
	log, err := os.Create(c.log)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("runc", "run", "--bundle", dir, c.id)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = log.Close()
	go func() { c.ended <- cmd.Wait() }()
	t.Cleanup(func() {
		if t.Failed() {
			content, _ := os.ReadFile(c.log)
			t.Logf("The container wrote:\n%s", content)
		}
		_ = exec.Command("runc", "delete", "--force", c.id).Run() // it has ended in a test that passed
	})
	c.eventually("runc knows the container", func() bool {
		out, err := exec.Command("runc", "state", c.id).Output()
		var state struct{ Pid int }
		if err != nil || json.Unmarshal(out, &state) != nil {
			return false
		}
		c.pid = state.Pid
		return c.pid > 0
	})
	return c
}

func (c *container) eventually(what string, condition func() bool) {
	c.t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-c.ended:
			c.t.Fatalf("the container ended, waiting until %s: %v", what, err)
		default:
		}
		if time.Now().After(end) {
			c.t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

// exec runs a program in the container and returns what it prints.
func (c *container) exec(args ...string) (string, error) {
	out, err := exec.Command("runc", append([]string{"exec", c.id}, args...)...).CombinedOutput()
	return string(out), err
}

func (c *container) report() supervisor.Report {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	report, err := health.Ask(ctx, fmt.Sprintf("/proc/%d/root/run/health.sock", c.pid))
	if err != nil {
		return supervisor.Report{}
	}
	return report
}

// waitForRestarts waits until all daemons run, and have been restarted so often.
func (c *container) waitForRestarts(restarts int) {
	c.t.Helper()
	c.eventually(fmt.Sprintf("all daemons run after %d restarts", restarts), func() bool {
		report := c.report()
		for _, d := range report.Daemons {
			if d.Phase != lifecycle.Running || d.Restarts != restarts {
				return false
			}
		}
		return len(report.Daemons) > 0 && len(report.Daemons) == len(c.daemons())
	})
}

// daemons returns the daemons that the first process has started. It leaves out the shell of FRR, which ends soon.
func (c *container) daemons() []int {
	out, _ := exec.Command("pgrep", "-P", strconv.Itoa(c.pid)).Output() // it fails without any
	var pids []int
	for _, field := range strings.Fields(string(out)) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			c.t.Fatal(err)
		}
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // It may have ended.
		if strings.TrimSpace(string(name)) != "vtysh" {
			pids = append(pids, pid)
		}
	}
	return pids
}

// killDaemons kills all daemons, and waits until they run again.
func (c *container) killDaemons() {
	c.t.Helper()
	pids := c.daemons()
	if len(pids) != len(c.report().Daemons) {
		c.t.Fatalf("the first process has the children %v, and reports %+v", pids, c.report())
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			c.t.Fatal(err)
		}
	}
	c.waitForRestarts(1)
	for _, d := range c.report().Daemons {
		if d.LastExit != "signal: killed" {
			c.t.Errorf("%s: got the last exit %q, want signal: killed", d.Name, d.LastExit)
		}
	}
}

// trace traces the files of everything in the container until the returned function is called, which returns the trace.
func (c *container) trace() func() string {
	c.t.Helper()
	file := filepath.Join(c.t.TempDir(), "trace")
	messages := filepath.Join(filepath.Dir(file), "messages")
	log, err := os.Create(messages)
	if err != nil {
		c.t.Fatal(err)
	}
	cmd := exec.Command("strace", "-f", "-e", "trace=%file", "-o", file, "-p", strconv.Itoa(c.pid))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	_ = log.Close()
	c.eventually("strace has attached", func() bool {
		content, _ := os.ReadFile(messages)
		return strings.Contains(string(content), "attached")
	})
	return func() string {
		_ = cmd.Process.Signal(syscall.SIGINT)
		_ = cmd.Wait() // it reports the signal
		content, err := os.ReadFile(file)
		if err != nil {
			c.t.Fatal(err)
		}
		return string(content)
	}
}

// end ends the container as the kubelet does.
func (c *container) end() {
	c.t.Helper()
	if out, err := exec.Command("runc", "kill", c.id, "TERM").CombinedOutput(); err != nil {
		c.t.Fatalf("ending the container: %v: %s", err, out)
	}
	select {
	case err := <-c.ended:
		if err != nil {
			c.t.Errorf("the container ended with %v, want status 0", err)
		}
	case <-time.After(patience):
		c.t.Fatalf("the container did not end within %s", patience)
	}
}

// packageFiles returns all files of the packages that an image was made from.
func packageFiles(t *testing.T, image string) []string {
	t.Helper()
	cmd := exec.Command("../../bin/packages", "list", "--image", "../../images/"+image, "--arch", runtime.GOARCH,
		"--cache", "../../bin/packages-cache")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}
