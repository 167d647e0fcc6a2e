package programs

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/testbed"
)

// Damping is how long a fault must last before a unit gives its role away.
const Damping = time.Second

// Paths returns the packages of the programs below the module's root, for testbed.Main.
func Paths(root string) []string {
	return []string{filepath.Join(root, "cmd/firewall"), filepath.Join(root, "cmd/sidecar")}
}

// Config is what a unit is made of.
type Config struct {
	// Name is the unit's place in its pair. It is the primary if empty.
	Name v1alpha1.Unit
	// Built is the directory with the programs.
	Built string
	// Networks are the pair's.
	Networks []contract.Network
	// PodAddress is the address that the other unit finds at the witness; empty if the unit has no peer.
	PodAddress string
	// WithoutBPF takes the right to load programs from the sidecar, so that it uses the gate of nftables.
	WithoutBPF bool
	// ThirdParty tells the sidecar that the firewall has an image of its own.
	ThirdParty bool
}

// Unit is one unit's pod.
type Unit struct {
	Reports

	Namespace         *testbed.Namespace
	Sidecar, Firewall *testbed.Program

	config Config
	t      testing.TB
	// directory has the files of the pod.
	directory string
}

// NewUnit returns a unit whose programs do not run yet, and whose pod has no network namespace.
func NewUnit(t testing.TB, c Config) *Unit {
	t.Helper()
	if c.Name == "" {
		c.Name = v1alpha1.Primary
	}
	u := &Unit{config: c, t: t, directory: t.TempDir()}
	if err := os.Mkdir(u.File("state"), 0o700); err != nil {
		t.Fatal(err)
	}
	return u
}

// Enter puts the unit into a network namespace and connects it with a witness there.
func (u *Unit) Enter(n *testbed.Namespace, w *Witness) {
	u.t.Helper()
	u.Namespace, u.Reports = n, w.reports(u.config.Name)
	if u.config.PodAddress != "" {
		w.addPod(u.config.Name, u.config.PodAddress)
	}
	url := n.ServeHTTP(u.t, "127.0.0.1:0", w)
	u.Write("kubeconfig", `{"apiVersion":"v1","kind":"Config","current-context":"a",`+
		`"contexts":[{"name":"a","context":{"cluster":"a","user":"a"}}],`+
		`"clusters":[{"name":"a","cluster":{"server":"`+url+`"}}],"users":[{"name":"a","user":{}}]}`)
}

// Trust gives the unit a certificate of its pair's authority.
func (u *Unit) Trust(authority credentials.KeyPair) {
	u.t.Helper()
	issued, err := credentials.Issue(authority,
		credentials.UnitName(string(u.config.Name), pairName, pairNamespace), time.Now())
	if err != nil {
		u.t.Fatal(err)
	}
	u.Write("ca.crt", string(authority.Certificate))
	u.Write("tls.crt", string(issued.Certificate))
	u.Write("tls.key", string(issued.Key))
}

// NewAuthority returns an authority for both units of a pair.
func NewAuthority(t testing.TB) credentials.KeyPair {
	t.Helper()
	authority, err := credentials.NewAuthority(credentials.Domain(pairName, pairNamespace), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return authority
}

// File returns the path of a file of the pod.
func (u *Unit) File(name string) string { return filepath.Join(u.directory, name) }

// Write replaces a file of the pod.
func (u *Unit) Write(name, text string) {
	u.t.Helper()
	testbed.Replace(u.t, u.File(name), text)
}

// Give gives the unit a document, as the operator does.
func (u *Unit) Give(document string) {
	u.t.Helper()
	u.Write("given.json", document)
}

func (u *Unit) start(arguments []string) *testbed.Program {
	u.t.Helper()
	command := exec.Command(arguments[0], arguments[1:]...)
	command.Env = append(os.Environ(), "POD_NAMESPACE="+pairNamespace, "POD_IP="+u.config.PodAddress,
		"POD_UID=00000000-0000-0000-0000-000000000001")
	return u.Namespace.StartProgram(u.t, command)
}

// StartFirewall starts the firewall.
func (u *Unit) StartFirewall() {
	u.t.Helper()
	u.Firewall = u.start([]string{
		filepath.Join(u.config.Built, "firewall"), "--config=" + u.File("firewall.json"),
		"--status=" + u.File("firewall-status.json"),
	})
}

// StartSidecar starts the sidecar.
func (u *Unit) StartSidecar() {
	u.t.Helper()
	settings, err := json.Marshal(contract.Settings{
		Pair: pairName, Namespace: pairNamespace, ThirdPartyFirewall: u.config.ThirdParty,
		Failover: contract.Failover{
			LeaseDurationSeconds: 3, HeartbeatIntervalMilliseconds: 100, MissedHeartbeats: 3, GrantMilliseconds: 450,
			Isolation: contract.IsolationFence, HealthDampingSeconds: int32(Damping / time.Second),
		},
		Networks: u.config.Networks,
		Sync:     contract.Sync{Classes: []contract.SyncClass{{Name: state.ConnectionCache.String()}}},
	})
	if err != nil {
		u.t.Fatal(err)
	}
	u.Write("sidecar.json", string(settings))
	arguments := []string{
		filepath.Join(u.config.Built, "sidecar"), "--unit=" + string(u.config.Name), "--settings=" + u.File("sidecar.json"),
		"--tls-dir=" + u.directory, "--kubeconfig=" + u.File("kubeconfig"),
		"--health-bind-address=127.0.0.1:7781", "--state-dir=" + u.File("state"),
		"--given-document=" + u.File("given.json"), "--firewall-document=" + u.File("firewall.json"),
		"--firewall-status=" + u.File("firewall-status.json"), "--providers-dir=" + u.directory, "--log-format=text",
	}
	if u.config.WithoutBPF {
		arguments = append([]string{"setpriv", "--bounding-set=-bpf,-sys_admin"}, arguments...)
	}
	u.Sidecar = u.start(arguments)
}

// AwaitActive waits until the unit is active.
func (u *Unit) AwaitActive() {
	u.t.Helper()
	testbed.Eventually(u.t, "the "+string(u.config.Name)+" is active", func() bool { return u.Status().Role == "Active" })
}

// WasActive reports whether the unit ever reported that it is active.
func (u *Unit) WasActive() bool {
	return slices.ContainsFunc(u.Since(0), func(s contract.UnitStatus) bool { return s.Role == "Active" })
}

// IsHealthy reports whether no check of a unit fails.
func IsHealthy(s contract.UnitStatus) bool {
	return len(s.Health) > 0 && !slices.ContainsFunc(s.Health, func(h contract.UnitHealth) bool { return !h.Healthy })
}

// Network returns a network of a pair with virtual addresses.
func Network(name string, virtual ...string) contract.Network {
	n := contract.Network{Interface: name}
	for _, v := range virtual {
		n.VirtualAddresses = append(n.VirtualAddresses, netip.MustParsePrefix(v))
	}
	return n
}
