package vm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// instructionsFile has what the host tells the guest.
const instructionsFile = "/instructions.json"

// endMark begins the guest's last line. What follows is the error of its program.
const endMark = "guest ended: "

// Program is what a guest runs.
type Program func(ctx context.Context, arguments []string) error

// Serve runs the program of a guest and powers the guest off, if this process is the first one of a guest. Otherwise it
// returns. A test binary that boots guests calls it first in TestMain.
func Serve(programs map[string]Program) {
	if os.Getpid() != 1 {
		return
	}
	text := ""
	if err := serve(programs); err != nil {
		text = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	fmt.Println("\n" + endMark + text)
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Println("Powering off:", err)
	}
}

func serve(programs map[string]Program) error {
	var in instructions
	text, err := os.ReadFile(instructionsFile)
	if err == nil {
		err = json.Unmarshal(text, &in)
	}
	if err != nil {
		return fmt.Errorf("reading the host's instructions: %w", err)
	}
	program, ok := programs[in.Program]
	if !ok {
		return fmt.Errorf("the test binary has no program %q", in.Program)
	}
	if err := prepare(in.Modules); err != nil {
		return fmt.Errorf("preparing the guest: %w", err)
	}
	return program(context.Background(), in.Arguments)
}

// prepare mounts file systems, loads modules and connects the guest to the host.
func prepare(modules []string) error {
	for directory, kind := range map[string]string{
		"/dev": "devtmpfs", "/proc": "proc", "/sys": "sysfs", "/run": "tmpfs", "/tmp": "tmpfs",
	} {
		if err := unix.Mount(kind, directory, kind, 0, ""); err != nil {
			return fmt.Errorf("mounting %s: %w", directory, err)
		}
	}
	for _, path := range modules {
		if err := loadModule(path); err != nil {
			return fmt.Errorf("loading module %s: %w", filepath.Base(path), err)
		}
	}
	return connect()
}

func loadModule(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(unix.FinitModule(int(file.Fd()), "", 0), file.Close())
}

// connect sets the loopback and the interface to the host up.
func connect() error {
	for name, prefix := range map[string]string{"lo": "", "eth0": guestAddress} {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return fmt.Errorf("finding interface %s: %w", name, err)
		}
		if prefix != "" {
			address, err := netlink.ParseAddr(prefix)
			if err != nil {
				return err
			}
			if err := netlink.AddrAdd(link, address); err != nil {
				return fmt.Errorf("adding the address of %s: %w", name, err)
			}
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return fmt.Errorf("setting %s up: %w", name, err)
		}
	}
	return nil
}
