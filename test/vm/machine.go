package vm

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// HostAddress is the address at which a guest reaches the loopback of the namespace in which the test runs.
const HostAddress = "10.0.2.2"

// guestAddress is the guest's address, as QEMU's user network expects it.
const guestAddress = "10.0.2.15/24"

// patience is how long a machine may run, unless its test needs more. It boots in 4 s on an idle processor.
const patience = 3 * time.Minute

// emulator is QEMU for the kernel's architecture.
const emulator = "qemu-system-x86_64"

// Config is what a guest runs.
type Config struct {
	// Program is one of those that the test binary passes to Serve.
	Program string
	// Arguments are passed to the program.
	Arguments []string
	// Files are put below the root directory, by path.
	Files map[string][]byte
	// Modules are loaded before the program starts, with those that they need.
	Modules []string
	// Patience is how long the machine may run; 0 for three minutes.
	Patience time.Duration
}

// instructions are what the host tells the guest.
type instructions struct {
	Program   string
	Arguments []string
	Modules   []string // files in the order in which they are loaded
}

// Machine is a running virtual machine.
type Machine struct {
	t        testing.TB
	patience time.Duration
	command  *exec.Cmd
	console  *console
	ended    chan struct{}
}

// Boot starts a machine. The end of the test kills it. The test binary must be linked statically.
func Boot(t testing.TB, c Config) *Machine {
	t.Helper()
	k, err := findKernel()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath(emulator); err != nil {
		t.Fatalf("%v: run `make test-vm`, which installs Debian's qemu-system-x86", err)
	}
	files, err := k.pack(c)
	if err != nil {
		t.Fatalf("Packing the guest's files: %v", err)
	}
	disk := filepath.Join(t.TempDir(), "files.cpio")
	if err := os.WriteFile(disk, files, 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, k.image, disk, cmp.Or(c.Patience, patience))
}

// start starts the emulator with a kernel and an archive of files.
func start(t testing.TB, image, disk string, patience time.Duration) *Machine {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	m := &Machine{t: t, patience: patience, console: newConsole(), ended: make(chan struct{})}
	m.command = exec.CommandContext(ctx, emulator, "-machine", "pc", "-accel", "tcg", "-cpu", "max", "-m", "384",
		"-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio",
		"-netdev", "user,id=host", "-device", "virtio-net-pci,netdev=host,romfile=",
		"-kernel", image, "-initrd", disk, "-append", "console=ttyS0 quiet panic=-1 oops=panic")
	m.command.Stdout, m.command.Stderr = m.console, m.console
	m.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.command.Start(); err != nil {
		cancel()
		t.Fatalf("Starting a virtual machine: %v", err)
	}
	go func() {
		_ = m.command.Wait() // The last line of the console tells how the guest ended.
		m.console.close()
		close(m.ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-m.ended
		if t.Failed() {
			t.Logf("The guest printed:\n%s", m.console)
		}
	})
	return m
}

// pack returns the archive of the guest's files.
func (k kernel) pack(c Config) ([]byte, error) {
	modules, err := k.load(append([]string{"virtio_pci", "virtio_net"}, c.Modules...))
	if err != nil {
		return nil, err
	}
	path, err := os.Executable()
	if err != nil {
		return nil, err
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(program, []byte("/ld-linux")) {
		return nil, errors.New("the test binary is linked dynamically: build it with CGO_ENABLED=0")
	}
	in := instructions{Program: c.Program, Arguments: c.Arguments}
	entries := []entry{
		{name: "dev", mode: typeDirectory | 0o755},
		{name: "dev/console", mode: typeDevice | 0o600, major: 5, minor: 1},
		{name: "init", mode: typeFile | 0o755, data: program},
	}
	for _, directory := range []string{"proc", "sys", "run", "tmp", "modules"} {
		entries = append(entries, entry{name: directory, mode: typeDirectory | 0o755})
	}
	for _, m := range modules {
		name := "modules/" + m.name
		in.Modules = append(in.Modules, "/"+name)
		entries = append(entries, entry{name: name, mode: typeFile | 0o600, data: m.data})
	}
	for name, data := range c.Files {
		entries = append(entries, entry{name: strings.TrimPrefix(name, "/"), mode: typeFile | 0o755, data: data})
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, err
	}
	entries = append(entries, entry{name: strings.TrimPrefix(instructionsFile, "/"), mode: typeFile | 0o600, data: text})
	var archive bytes.Buffer
	err = writeArchive(&archive, entries)
	return archive.Bytes(), err
}

// Await waits for a line that the guest prints.
func (m *Machine) Await(line string) {
	m.t.Helper()
	if !m.console.await(line) {
		m.t.Fatalf("the guest ended and did not print %q", line)
	}
}

// outcome is the guest's last line.
var outcome = regexp.MustCompile(`(?m)^` + endMark + `(.*?)\r?$`)

// Wait waits for the end of the guest's program, and fails the test if the program failed.
func (m *Machine) Wait() {
	m.t.Helper()
	<-m.ended
	found := outcome.FindStringSubmatch(m.console.String())
	switch {
	case found == nil:
		m.t.Fatalf("the guest did not come to its end within %s", m.patience)
	case found[1] != "":
		m.t.Fatalf("the guest's program failed: %s", found[1])
	}
}

// Freeze stops the whole machine between two instructions. Its clocks go on meanwhile.
func (m *Machine) Freeze() { m.signal(syscall.SIGSTOP) }

// Thaw continues a frozen machine.
func (m *Machine) Thaw() { m.signal(syscall.SIGCONT) }

func (m *Machine) signal(s syscall.Signal) {
	m.t.Helper()
	if err := m.command.Process.Signal(s); err != nil {
		m.t.Fatalf("Sending %v to the virtual machine: %v", s, err)
	}
}
