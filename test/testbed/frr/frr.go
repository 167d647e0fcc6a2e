// Package frr runs FRR of the image routing in network namespaces of tests, as the unit's daemons and as other routers.
package frr

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
)

// Root is a directory with the files of the image routing.
type Root string

// NewRoot unpacks the packages of the image below a directory. The path of the repository is relative to the test.
// Packages that are not in the cache of the repository are downloaded.
func NewRoot(directory, repository string) (Root, error) {
	root := filepath.Join(directory, "routing-root")
	command := exec.Command("go", "run", "./internal/tools/packages", "root", "--image", "images/routing",
		"--arch", runtime.GOARCH, "--output", root, "--cache", "bin/packages-cache")
	command.Dir = repository
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("unpacking the image routing: %w: %s", err, out)
	}
	return Root(root), nil
}

// Command returns a command that runs a program of the image with the directory as its /run, and with the capabilities
// of the container. The kernel demands one more to enter the root.
func (r Root) Command(run string, program ...string) *exec.Cmd {
	return r.command(run, append([]string{
		"setpriv", "--bounding-set=-all,+net_admin,+net_raw,+net_bind_service,+sys_chroot", "chroot", string(r),
	}, program...)...)
}

// command returns a command that runs a program of the host, after it has mounted the directory as /run of the root.
func (r Root) command(run string, program ...string) *exec.Cmd {
	return exec.Command("unshare", append([]string{
		"--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
		`mount --bind "$1" "$2/run" && mount --bind /dev "$2/dev" && mount -t proc proc "$2/proc" && shift 2 && exec "$@"`,
		"sh", run, string(r),
	}, program...)...)
}

// Router is another router with FRR.
type Router struct {
	t         testing.TB
	namespace *testbed.Namespace
	root      Root
	run       string
}

// Start starts a router with a configuration. It ends with the test.
func Start(t testing.TB, n *testbed.Namespace, root Root, configuration string) *Router {
	t.Helper()
	r := &Router{t: t, namespace: n, root: root, run: t.TempDir()}
	for _, directory := range []string{"frr", "frr-configuration", "frr-state"} {
		if err := os.Mkdir(filepath.Join(r.run, directory), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.write("frr-configuration/vtysh.conf", "")
	r.write("frr-configuration/frr.conf", configuration)
	for _, name := range []string{"mgmtd", "zebra", "ospfd", "ripd", "bgpd"} {
		r.write("frr-configuration/"+name+".conf", "")
		n.StartProgram(t, r.command("/usr/lib/frr/"+name,
			"--user", "root", "--group", "root", "--vty_port", "0", "--log", "stdout"))
		testbed.Eventually(t, name+" of the router listens", func() bool {
			_, err := os.Stat(filepath.Join(r.run, "frr", name+".vty"))
			return err == nil
		})
	}
	testbed.Eventually(t, "the router takes its configuration", func() bool {
		_, err := r.vtysh("--inputfile", "/etc/frr/frr.conf")
		return err == nil
	})
	return r
}

func (r *Router) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.run, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *Router) vtysh(args ...string) (string, error) {
	return r.namespace.Command(r.command("/usr/bin/vtysh", args...))
}

// command returns a command that runs a program of the image. The capabilities of this router do not matter.
func (r *Router) command(program string, args ...string) *exec.Cmd {
	return r.root.command(r.run, append([]string{"chroot", string(r.root), program}, args...)...)
}

// Show returns what a command of FRR prints.
func (r *Router) Show(command string) string {
	r.t.Helper()
	out, err := r.vtysh("--command", command)
	if err != nil {
		r.t.Fatalf("%s at the router: %v: %s", command, err, out)
	}
	return strings.TrimSpace(out)
}
