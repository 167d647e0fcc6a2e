// Package strongswan runs Debian's strongSwan as the peer of a pair's tunnels, in a network namespace of a test. The
// peer encrypts packets in userspace, so that a kernel without ESP suffices.
package strongswan

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/test/testbed"
)

// charon is the path of Debian's IKE daemon.
const charon = "/usr/lib/ipsec/charon"

// settings are charon's, with a directory for its socket and its log.
const settings = `
charon {
  load_modular = no
  load = random nonce openssl pem pkcs1 pkcs8 pubkey x509 constraints kdf hmac vici %[2]s
  install_routes = no
  install_virtual_ip = no
  filelog {
    stderr {
      default = 1
      time_format = %%T
      time_add_ms = yes
    }
  }
  plugins {
    vici {
      socket = unix://%[1]s/vici
    }
    kernel-libipsec {
      load = yes
    }
  }
}
swanctl {
  load = random nonce openssl pem pkcs1 pkcs8 x509
}
`

// network are the plugins that send and receive packets.
const network = "kernel-libipsec kernel-netlink socket-default updown"

// Peer is a running strongSwan.
type Peer struct {
	Namespace *testbed.Namespace
	Program   *testbed.Program
	directory string
	t         testing.TB
}

// Start starts a peer in a namespace, with a swanctl.conf and with files in its directories, as in
// x509/peer.pem. It ends with the test.
func Start(t testing.TB, n *testbed.Namespace, configuration string, files map[string]string) *Peer {
	t.Helper()
	p := &Peer{Namespace: n, directory: t.TempDir(), t: t}
	p.write("strongswan.conf", fmt.Sprintf(settings, p.directory, network))
	p.write("swanctl/swanctl.conf", configuration)
	for name, text := range files {
		p.write("swanctl/"+name, text)
	}
	command := InPrivateRun(charon)
	command.Env = append(os.Environ(), p.environment()...)
	p.Program = n.StartProgram(t, command)
	testbed.Eventually(t, "the peer answers", func() bool {
		_, err := p.swanctl("--stats")
		return err == nil
	})
	p.Swanctl("--load-all")
	return p
}

// InPrivateRun returns a command that runs a program with a /run of its own. Daemons put files there whose names are
// built in, so that two of them would disturb each other.
func InPrivateRun(program string, args ...string) *exec.Cmd {
	return exec.Command("unshare", append([]string{
		"--mount", "sh", "-c", `mount -t tmpfs tmpfs /run && exec "$@"`, "sh", program,
	}, args...)...)
}

func (p *Peer) environment() []string {
	return []string{
		"STRONGSWAN_CONF=" + filepath.Join(p.directory, "strongswan.conf"),
		"SWANCTL_DIR=" + filepath.Join(p.directory, "swanctl"),
	}
}

func (p *Peer) write(name, text string) {
	p.t.Helper()
	file := filepath.Join(p.directory, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// Swanctl runs swanctl, which must succeed, and returns what it prints.
func (p *Peer) Swanctl(args ...string) string {
	p.t.Helper()
	out, err := p.swanctl(args...)
	if err != nil {
		p.t.Fatalf("swanctl %s of the peer: %v: %s", strings.Join(args, " "), err, out)
	}
	return out
}

func (p *Peer) swanctl(args ...string) (string, error) {
	command := exec.Command("swanctl", append(args, "--uri", "unix://"+filepath.Join(p.directory, "vici"))...)
	command.Env = append(os.Environ(), p.environment()...)
	out, err := command.CombinedOutput()
	return string(out), err
}
