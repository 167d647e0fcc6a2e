package cluster

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// detachVariable makes the test binary start a process that outlives it, as `cluster power-on` does.
const detachVariable = "HAPAIR_TEST_DETACH"

func TestMain(m *testing.M) {
	if log := os.Getenv(detachVariable); log != "" {
		os.Exit(leaveProcess(log))
	}
	os.Exit(m.Run())
}

// leaveProcess starts a process, prints its ID and ends before it.
func leaveProcess(log string) int {
	output, err := os.Create(log)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	node := exec.Command("sleep", "600")
	node.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	if err := startDetached(node, output); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(node.Process.Pid)
	return 0
}

// `cluster power-on worker-1 | tail` ends when the last process closes the pipe. A shell may pass further pipes on.
func TestNodeKeepsNoFileOfItsStarterOpen(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	starter := exec.CommandContext(t.Context(), self)
	starter.Env = append(os.Environ(), detachVariable+"="+t.TempDir()+"/log")
	var read []*os.File
	pipe := func() *os.File {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		read = append(read, r)
		return w
	}
	stdout, stderr, further := pipe(), pipe(), pipe()
	starter.Stdout, starter.Stderr, starter.ExtraFiles = stdout, stderr, []*os.File{further}
	err = starter.Run()
	for _, w := range []*os.File{stdout, stderr, further} {
		_ = w.Close()
	}
	first, _ := bufio.NewReader(io.LimitReader(read[0], 64)).ReadString('\n')
	node, parseErr := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || parseErr != nil {
		t.Fatalf("starting the process: %v, its ID: %q", err, first)
	}
	t.Cleanup(func() { _ = unix.Kill(node, unix.SIGKILL) })
	if err := unix.Kill(node, 0); err != nil {
		t.Fatalf("the process has ended: %v", err)
	}
	for i, name := range []string{"stdout", "stderr", "an inherited pipe"} {
		_ = read[i].SetReadDeadline(time.Now().Add(5 * time.Second))
		if text, err := io.ReadAll(read[i]); err != nil {
			t.Errorf("%s is still open: %v (%s)", name, err, text)
		}
		_ = read[i].Close()
	}
}

// The port may be taken by anything, for example by the cluster of a container on the same network.
func TestConsoleTakesAnotherPortThanOneInUse(t *testing.T) {
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	other, err := freeConsole("", taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if other == taken.Addr().String() || !strings.HasPrefix(other, "127.0.0.1:") {
		t.Errorf("got %s, which is in use", other)
	}
	again, err := freeConsole(other)
	if err != nil || again != other {
		t.Errorf("got %s (%v), want the preferred address %s", again, err, other)
	}
}
