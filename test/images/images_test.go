//go:build images

package images_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/images"
)

// sample is an image with daemons.
type sample struct {
	name, image  string
	hasTUN       bool
	capabilities []string
	args         []string
	// document is the firewall's.
	document string
	// absent are files of packages that the program does without.
	absent []string
	// exercise uses the running daemons.
	exercise func(*testing.T, *container)
}

var samples = []sample{
	{
		name: "vpn", image: "vpn", capabilities: []string{"NET_ADMIN", "NET_BIND_SERVICE", "CHOWN"},
		args:     []string{"--esp=kernel"},
		exercise: func(_ *testing.T, c *container) { exerciseCharon(c) },
	},
	{
		name: "vpn with ESP in userspace", image: "vpn", capabilities: []string{"NET_ADMIN", "NET_BIND_SERVICE", "CHOWN"},
		args: []string{"--esp=userspace"}, hasTUN: true,
		exercise: func(_ *testing.T, c *container) {
			exerciseCharon(c)
			c.expect("kernel-libipsec", "/usr/sbin/swanctl", "--stats")
		},
	},
	{
		name: "routing", image: "routing", absent: []string{"/etc/frr/frr.conf"}, // each daemon has a file of its own
		args: []string{"--alone"}, document: allProtocols,
		capabilities: []string{"NET_ADMIN", "NET_BIND_SERVICE", "NET_RAW"},
		exercise: func(t *testing.T, c *container) {
			c.expect("FRRouting 10", "/usr/bin/vtysh", "-c", "show version")
			for _, protocol := range []string{"bgp 65001", "ospf", "ospf6", "rip", "ripng"} {
				c.eventually("the daemon has its configuration", func() bool {
					out, err := c.exec("/usr/bin/vtysh", "-c", "show running-config")
					return err == nil && strings.Contains(out, "router "+protocol+"\n")
				})
			}
			c.expect("OSPF Routing Process, Router ID: 192.0.2.1", "/usr/bin/vtysh", "-c", "show ip ospf")
		},
	},
}

// allProtocols is a document for the daemons of all protocols.
const allProtocols = `
apiVersion: hapair.io/v1alpha1
kind: FirewallConfiguration
spec:
  zones: [{name: lan, interfaces: [lan]}]
  routing:
    dynamic:
      routerID: 192.0.2.1
      ospf: {areas: [{id: 0.0.0.0, interfaces: [{name: lan}]}]}
      ospfv3: {areas: [{id: 0.0.0.0, interfaces: [{name: lan}]}]}
      rip: {interfaces: [{name: lan}]}
      ripng: {interfaces: [{name: lan}]}
      bgp: {asn: 65001, neighbours: [{address: 192.0.2.9, localAddress: 192.0.2.1, asn: 65002}]}
`

func exerciseCharon(c *container) {
	c.expect("strongSwan swanctl", "/usr/sbin/swanctl", "--version")
	c.expect("eap-mschapv2", "/usr/sbin/swanctl", "--stats")
	c.expect("counters ha", "/usr/sbin/swanctl", "--stats") // The plugin needs CHOWN.
	c.expect("AES_GCM", "/usr/sbin/swanctl", "--list-algs")
}

// expect runs a program in the container, and demands a text in what it prints.
func (c *container) expect(text string, args ...string) {
	c.t.Helper()
	if out, err := c.exec(args...); err != nil || !strings.Contains(out, text) {
		c.t.Errorf("%q: got %v and %s, want %q in it", args, err, out, text)
	}
}

// TestDaemonsAreRestarted starts each image with a read-only root, kills its daemons, and ends it.
func TestDaemonsAreRestarted(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			c := run(t, s)
			c.waitForRestarts(0)
			c.expect("Running", "/"+s.image, "health")
			c.killDaemons()
			c.expect("1 restarts", "/"+s.image, "health")
			s.exercise(t, c)
			c.end()
		})
	}
}

// TestNothingIsMissing traces the start and the use of daemons. What they open in vain must be in no package.
func TestNothingIsMissing(t *testing.T) {
	if _, err := exec.LookPath("strace"); err != nil {
		t.Fatal(err)
	}
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			c := run(t, s)
			c.waitForRestarts(0)
			trace := c.trace()
			c.killDaemons() // their successors are traced from their first instruction
			s.exercise(t, c)
			c.end()
			text := trace()
			if !strings.Contains(text, "execve(\"") {
				t.Fatalf("no daemon was traced:\n%s", text)
			}
			for _, file := range images.Missing(text, packageFiles(t, s.image)) {
				if slices.Contains(s.absent, file) {
					continue
				}
				t.Errorf("a daemon opened %s, which the image does not have", file)
			}
		})
	}
}

// TestLicencesAreInside looks for the licence of each package.
func TestLicencesAreInside(t *testing.T) {
	for _, s := range samples {
		t.Run(s.name, func(t *testing.T) {
			root := t.TempDir()
			if err := images.Unpack("../../bin/images/"+s.image+".tar", root); err != nil {
				t.Fatal(err)
			}
			packages, err := os.ReadDir(root + "/var/lib/dpkg/status.d")
			if err != nil || len(packages) < 10 {
				t.Fatalf("got %d packages and %v, want at least 10", len(packages), err)
			}
			for _, p := range packages {
				if text, err := os.ReadFile(root + "/usr/share/doc/" + p.Name() + "/copyright"); err != nil || len(text) == 0 {
					t.Errorf("licence of %s: %d bytes, %v", p.Name(), len(text), err)
				}
			}
		})
	}
}

// TestSecondBuildIsEqual makes each image again, and compares all bytes.
func TestSecondBuildIsEqual(t *testing.T) {
	for _, image := range []string{"vpn", "routing"} {
		t.Run(image, func(t *testing.T) {
			dir := t.TempDir()
			var archives [2][]byte
			for i := range archives {
				root, archive := fmt.Sprintf("%s/root%d", dir, i), fmt.Sprintf("%s/%d.tar", dir, i)
				tool(t, "packages", "root", "--image=../../images/"+image, "--arch="+runtime.GOARCH, "--output="+root,
					"--cache=../../bin/packages-cache")
				tool(t, "image", "--name=localhost/hapair/"+image, "--entrypoint=/"+image, "--output="+archive,
					"--binary=linux/"+runtime.GOARCH+"=../../bin/images/linux/"+runtime.GOARCH+"/"+image, "--root="+root)
				var err error
				if archives[i], err = os.ReadFile(archive); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(archives[0], archives[1]) {
				t.Error("two builds of one lock file differ")
			}
		})
	}
}

// tool runs a tool of the repository.
func tool(t *testing.T, name string, args ...string) {
	t.Helper()
	if out, err := exec.Command("../../bin/"+name, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v: %s", name, args, err, out)
	}
}
