package pair

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/hapair-io/hapair/internal/cli/program"
	cli "github.com/hapair-io/hapair/internal/cli/vpn"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/test/testbed"
)

// vpnVariable is the environment variable that makes a test binary the first process of the container vpn, with its
// arguments.
const vpnVariable = "HAPAIR_TESTBED_VPN"

// serveVPN runs the first process of the container vpn and exits, if this is its process. Otherwise it returns.
func serveVPN() {
	if _, ok := os.LookupEnv(vpnVariable); ok {
		os.Exit(program.Run(cli.NewCommand()))
	}
}

// startVPN runs the IKE daemon of a unit, with processes and a /run of its own, so that killing the first process kills
// all, as in a container, and with the capabilities of that. Decrypted packets come from an interface of its own.
func (p *Pair) startVPN(u *Unit) {
	p.t.Helper()
	if rules := u.namespace.Run(p.t, "ip rule"); !strings.Contains(rules, strconv.Itoa(contract.DataPlaneTable)) {
		u.namespace.Run(p.t, fmt.Sprintf("ip rule add priority %d lookup %d", // as the sidecar's rules
			contract.DataPlanePriority, contract.DataPlaneTable))
	}
	secret := filepath.Join(p.directory, u.Name, "secret")
	err := os.MkdirAll(secret, 0o700)
	for name, value := range p.options.VPNSecret {
		if err == nil {
			err = os.WriteFile(filepath.Join(secret, name), []byte(value), 0o600)
		}
	}
	var binary string
	if err == nil {
		binary, err = os.Executable()
	}
	if err != nil {
		p.t.Fatal(err)
	}
	command := exec.Command("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		"sh", "-c", `mount -t tmpfs tmpfs /run && exec "$@"`, "sh",
		"setpriv", "--bounding-set=-all,+net_admin,+net_bind_service,+chown", binary,
		"--config="+u.document, "--secret="+secret,
		"--state-socket="+server.SocketOf(u.providers, contract.ProviderVPN), "--log-format=text")
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s", vpnVariable, u.Name))
	u.vpn = u.namespace.StartProgram(p.t, command)
}

// VPNLog returns what the IKE daemon and its first process have logged.
func (u *Unit) VPNLog() string { return u.vpn.Log.String() }

// Swanctl runs swanctl at the IKE daemon of the unit. It returns what it prints, also if it fails.
func (u *Unit) Swanctl(args ...string) string {
	u.t.Helper()
	first, err := testbed.OnlyChild(u.vpn.PID())
	if err != nil {
		return err.Error()
	}
	command := exec.Command("nsenter", append([]string{"--target", strconv.Itoa(first), "--mount", "swanctl"}, args...)...)
	out, _ := u.namespace.Command(command)
	return out
}

// vpnProcesses returns the ID of the first process, and of the IKE daemon below it.
func (u *Unit) vpnProcesses() (first, daemon int, err error) {
	if first, err = testbed.OnlyChild(u.vpn.PID()); err == nil {
		daemon, err = testbed.OnlyChild(first)
	}
	return first, daemon, err
}

// RestartIKEDaemon kills the IKE daemon of the unit. It waits until the first process has started another one and has
// given it a tunnel.
func (u *Unit) RestartIKEDaemon() {
	u.t.Helper()
	countLoaded := func() int { return strings.Count(u.VPNLog(), "Loaded tunnel") }
	before := countLoaded()
	_, daemon, err := u.vpnProcesses()
	if err == nil {
		err = syscall.Kill(daemon, syscall.SIGKILL)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	testbed.Eventually(u.t, "the IKE daemon of "+u.Name+" is back", func() bool { return countLoaded() > before })
}

// StopVPN asks the first process to end, as a kubelet does. The returned function waits until it has ended.
func (u *Unit) StopVPN() (await func()) {
	u.t.Helper()
	first, err := testbed.OnlyChild(u.vpn.PID())
	if err == nil {
		err = syscall.Kill(first, syscall.SIGTERM)
	}
	if err != nil {
		u.t.Fatal(err)
	}
	return func() {
		u.t.Helper()
		testbed.Eventually(u.t, "the IKE daemon of "+u.Name+" has ended", func() bool {
			return errors.Is(syscall.Kill(first, 0), syscall.ESRCH)
		})
	}
}
