package boot

import (
	"errors"
	"fmt"
	"log"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/test/cluster/internal/cgroup"
)

// JoinedFlag marks the second phase of PID 1, see Run.
const JoinedFlag = "--joined"

// Run runs PID 1 and returns only with an error.
//
// It runs in two phases. In the first it joins the node's control groups and leaves the machine's. Only one thread can
// do that, and it affects only that thread's children. So PID 1 then executes itself again, and that thread becomes the
// whole process.
func Run(specPath string, joined bool) error {
	log.SetFlags(log.Ltime | log.Lmicroseconds)
	spec, err := readSpec(specPath)
	if err != nil {
		return err
	}
	if os.Getpid() != 1 {
		return errors.New("node-init is internal: `cluster up` and `cluster power-on` start it as PID 1 of a node")
	}
	if !joined {
		return join(spec)
	}
	return live(spec)
}

func join(spec Spec) error {
	if err := awaitPermit(); err != nil {
		return err
	}
	if err := cgroup.Join(spec.Hierarchies, spec.Group); err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("leaving the machine's control groups: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the program of PID 1: %w", err)
	}
	err = unix.Exec(self, append(os.Args, JoinedFlag), os.Environ())
	return fmt.Errorf("executing PID 1 again: %w", err)
}

// awaitPermit waits for the byte that confirms that the node is recorded.
func awaitPermit() error {
	permit := os.NewFile(PermitFile, "permit")
	defer func() { _ = permit.Close() }()
	if n, err := permit.Read(make([]byte, 1)); n != 1 {
		return fmt.Errorf("waiting to be recorded (was `cluster` interrupted?): %w", err)
	}
	return nil
}

func live(spec Spec) error {
	log.Printf("Starting node %s", spec.Hostname)
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	if err := mountAll(spec); err != nil {
		return err
	}
	if spec.Relay != "" {
		console, err := openConsole()
		if err != nil {
			return err
		}
		go relay(console, spec.Relay)
	}
	return newSupervisor(spec).run()
}
