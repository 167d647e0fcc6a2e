// Package sidecar is the command line of a unit's sidecar: flags, and the wiring of what the unit is made of.
package sidecar

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/hapair-io/hapair/internal/cli/program"
	"github.com/hapair-io/hapair/internal/cli/sidecar/connections"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/addresses"
	"github.com/hapair-io/hapair/internal/class"
	"github.com/hapair-io/hapair/internal/class/all"
	"github.com/hapair-io/hapair/internal/class/configuration"
	"github.com/hapair-io/hapair/internal/class/own"
	"github.com/hapair-io/hapair/internal/class/table"
	"github.com/hapair-io/hapair/internal/class/vpn"
	"github.com/hapair-io/hapair/internal/clock"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/dataplane"
	"github.com/hapair-io/hapair/internal/firewall/members"
	"github.com/hapair-io/hapair/internal/firewall/report"
	"github.com/hapair-io/hapair/internal/gate"
	"github.com/hapair-io/hapair/internal/ha"
	"github.com/hapair-io/hapair/internal/heartbeat"
	"github.com/hapair-io/hapair/internal/kernel/descriptors"
	"github.com/hapair-io/hapair/internal/kernel/nftables"
	"github.com/hapair-io/hapair/internal/kernel/rtnetlink"
	"github.com/hapair-io/hapair/internal/kernel/socketfilter"
	"github.com/hapair-io/hapair/internal/lease"
	"github.com/hapair-io/hapair/internal/localapi/server"
	"github.com/hapair-io/hapair/internal/neighbours"
	"github.com/hapair-io/hapair/internal/replication/engine"
	"github.com/hapair-io/hapair/internal/replication/transport"
	"github.com/hapair-io/hapair/internal/resources"
	"github.com/hapair-io/hapair/internal/scrape"
	"github.com/hapair-io/hapair/internal/sidecar"
	"github.com/hapair-io/hapair/internal/state"
)

// leaseTimeout bounds a request about the Lease. It is longer than an API server in good order ever takes, and short
// against what hangs on it: of a request that is lost nothing is known until then.
const leaseTimeout = 2 * time.Second

// descriptorRoom is more file descriptors than a unit has, with a connection of every stranger that it admits.
const descriptorRoom = 1024

// sidecarOptions are the flags of a sidecar.
type sidecarOptions struct {
	unit               string
	settings           string
	tlsDirectory       string
	givenDocument      string
	firewallDocument   string
	firewallStatus     string
	stateDirectory     string
	providersDirectory string
	kubeconfig         string
	healthBindAddress  string
	metrics            scrape.Config
	logFormat          string
	verbosity          int
}

// NewCommand returns the command of a unit's sidecar.
func NewCommand() *cobra.Command {
	o := sidecarOptions{}
	command := &cobra.Command{
		Use:   "sidecar",
		Short: "Run one unit of a pair: decide who is active, and keep the standby's state equal",
		Args:  cobra.NoArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return runSidecar(command.Context(), o) },
	}
	flags := command.Flags()
	flags.StringVar(&o.unit, "unit", "", "which unit this is: primary or secondary (required)")
	flags.StringVar(&o.settings, "settings", contract.SidecarFile, "file with the settings of the pair")
	flags.StringVar(&o.tlsDirectory, "tls-dir", contract.TLSDirectory, "directory with tls.crt, tls.key and ca.crt")
	flags.StringVar(&o.givenDocument, "given-document", contract.GivenFile,
		"file with the firewall's document as the operator gives it")
	flags.StringVar(&o.firewallDocument, "firewall-document", contract.FirewallFile,
		"file in which the firewall is handed the document that it is to enforce")
	flags.StringVar(&o.firewallStatus, "firewall-status", contract.FirewallStatusFile,
		"file in which the firewall reports what is in force")
	flags.StringVar(&o.stateDirectory, "state-dir", contract.StateDirectory,
		"directory with what the next sidecar of the pod must know; nobody else writes there")
	flags.StringVar(&o.providersDirectory, "providers-dir", contract.ProvidersDirectory,
		"directory with a directory for the socket of each provider")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "how to reach the API server; as the pod's ServiceAccount when empty")
	flags.StringVar(&o.healthBindAddress, "health-bind-address", ":"+strconv.Itoa(contract.HealthPort),
		"address of /healthz and /readyz")
	flags.StringVar(&o.metrics.Address, "metrics-bind-address", "0",
		"address of /metrics, served over TLS with the unit's certificate; 0 for none")
	flags.StringVar(&o.metrics.TokenFile, "metrics-token", contract.MetricsTokenFile,
		"file with the token that a scraper of the metrics has to show")
	flags.StringVar(&o.logFormat, "log-format", "json", "json or text")
	flags.IntVarP(&o.verbosity, "verbosity", "v", 0, "how much is logged; 1 adds every effect")
	command.AddCommand(newSysctlCommand(), connections.NewCommand())
	return command
}

// unit is who this process is.
type unit struct {
	name, peer          v1alpha1.Unit
	namespace           string
	podUID, incarnation string
	// listenAddress is where the unit listens for its peer: at the pod's address only, so that no segment reaches it.
	// Outside a pod it is every address.
	listenAddress string
	// sockets is what the sockets of the control plane accept.
	sockets socketfilter.Filter
}

// identify reads who this process is from its flag and from what the pod tells it.
func (o sidecarOptions) identify() (unit, error) {
	u := unit{
		name: v1alpha1.Unit(o.unit), peer: v1alpha1.Unit(o.unit).Peer(),
		namespace: os.Getenv("POD_NAMESPACE"), podUID: os.Getenv("POD_UID"),
		listenAddress: net.JoinHostPort(os.Getenv("POD_IP"), strconv.Itoa(contract.SyncPort)),
	}
	var errs []error
	if u.name != v1alpha1.Primary && u.name != v1alpha1.Secondary {
		errs = append(errs, fmt.Errorf("--unit: %q is neither %s nor %s", o.unit, v1alpha1.Primary, v1alpha1.Secondary))
	}
	for name, value := range map[string]string{"POD_NAMESPACE": u.namespace, "POD_UID": u.podUID} {
		if value == "" {
			errs = append(errs, fmt.Errorf("environment: %s must be set", name))
		}
	}
	life := make([]byte, 4)
	if _, err := rand.Read(life); err != nil {
		errs = append(errs, fmt.Errorf("making an incarnation: %w", err))
	}
	u.incarnation = fmt.Sprintf("%s/%s/%s", u.name, u.podUID, hex.EncodeToString(life))
	return u, errors.Join(errs...)
}

func runSidecar(ctx context.Context, o sidecarOptions) (err error) {
	heartbeat.ReserveProcessor()
	u, err := o.identify()
	if err != nil {
		return err
	}
	pair, err := readSettings(o.settings)
	if err != nil {
		return err
	}
	log := program.Logger(o.logFormat, o.verbosity).WithValues("pair", pair.Pair, "unit", u.name)
	klog.SetLogger(log) // client-go has no other way to log.
	log.Info("Starting sidecar", program.BuildInfo().LogValues()...)
	if err := descriptors.Reserve(descriptorRoom); err != nil {
		log.Error(err, "Promotions may take longer")
	}
	u.sockets = controlPlane(os.Getenv("POD_IP"), log)
	return o.runUnit(ctx, u, pair, log)
}

// controlPlane returns the filter for sockets of the control plane: they accept what arrives at the interface with the
// pod's address, or at the loopback. The gate drops the rest on traffic interfaces, but somebody can remove a gate. A
// sidecar that does not know its pod's address works without a filter.
func controlPlane(pod string, log logr.Logger) socketfilter.Filter {
	if pod == "" {
		return socketfilter.Filter{}
	}
	address, err := netip.ParseAddr(pod)
	if err != nil {
		log.Error(err, "Reading the pod's address from POD_IP failed, continuing without a filter for interfaces")
		return socketfilter.Filter{}
	}
	interfaces, err := socketfilter.ControlPlane(address)
	if err != nil {
		log.Error(err, "Finding the pod's interface failed, continuing without a filter for interfaces")
	}
	return socketfilter.Filter{Interfaces: interfaces}
}

// readSettings reads the settings of the pair.
func readSettings(file string) (contract.Settings, error) {
	document, err := os.ReadFile(file)
	if err != nil {
		return contract.Settings{}, fmt.Errorf("reading settings: %w", err)
	}
	settings, err := contract.Parse(document)
	if err != nil {
		return contract.Settings{}, fmt.Errorf("reading settings from %s: %w", file, err)
	}
	return settings, nil
}

// runUnit opens what the unit is made of, runs it, and gives back what was opened. What an earlier life left on the
// host is withdrawn first, so that a unit that cannot start forwards nothing either.
func (o sidecarOptions) runUnit(ctx context.Context, u unit, pair contract.Settings, log logr.Logger) (err error) {
	kernels, err := dialKernels()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kernels.close()) }()
	wire, err := addresses.OpenEthernet()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wire.Close()) }()
	interfaces, networks, err := trafficNetworks(pair)
	if err != nil {
		return err
	}
	registry := newMetrics(u, pair)
	unitClock := clock.New(clock.NewMetrics(registry), log.WithName("clock"))
	g, err := gate.New(gate.Options{
		Interfaces: interfaces, Virtual: virtualAddresses(pair), VirtualMACs: virtualMACs(networks),
		Kernel: kernels.gate, Now: unitClock.Now, Ahead: aheadOf(unitClock), Log: log.WithName("gate"),
		SourcesChecked: !pair.ThirdPartyFirewall,
	})
	if err != nil {
		return errors.Join(err, o.newAddresses(u, networks, never, kernels.addresses, wire, log).Set(ctx, addresses.Config{}))
	}
	defer func() { err = errors.Join(err, g.Close()) }()
	config := sidecar.Config{
		HA:                 machineConfig(u, pair),
		Gate:               g,
		Addresses:          o.newAddresses(u, networks, g.Permitted, kernels.addresses, wire, log.WithName("addresses")),
		DataPlane:          newDataPlane(pair, networks, g.Fence(), kernels, registry, log.WithName("dataplane")),
		Neighbours:         newNeighbours(interfaces, kernels, wire, log.WithName("neighbours")),
		FirewallStatusFile: o.firewallStatus,
		Reported:           report.NewMetrics(registry).Set,
		NamespaceFile:      filepath.Join(o.stateDirectory, "firewall-namespace"),
		HealthAddress:      o.healthBindAddress,
		HealthControl:      u.sockets.Control,
		Connections:        countConnections,
		Now:                unitClock.Now,
		Stopped:            unitClock.Stops,
		Log:                log,
	}
	if err := sidecar.Withdraw(ctx, config.Gate, config.Addresses); err != nil {
		return fmt.Errorf("withdrawing what an earlier life left: %w", err)
	}
	registry = registry.withGate(g)
	replica, ownAddresses, provided := configuration.New(), ownAddresses(pair), table.NewSet(state.Classes(), config.Now)
	rules, objects := nftables.Open(), nftables.Open() // Writes of providers do not wait for a verification of the rules.
	defer func() { err = errors.Join(err, rules.Close(), objects.Close()) }()
	o.newConfiguration(&config, pair, replica, rules, registry)
	classes, closeClasses, err := openClasses(pair, ownAddresses, state.Classes(),
		all.Factories(replica, provided, vpn.NewMetrics(registry)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeClasses()) }()
	config.Classes = namesOf(classes)
	heartbeats, err := heartbeat.Listen(heartbeat.Config{
		Address: u.listenAddress, Interfaces: u.sockets.Interfaces,
		Metrics: heartbeat.NewMetrics(registry), Log: log.WithName("heartbeat"),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, heartbeats.Close()) }()
	config.Heartbeats = heartbeats
	if config.Monitors, err = newMonitors(pair, kernels.others, log.WithName("health")); err != nil {
		return err
	}
	config.Metrics = o.serveMetrics(registry, u.sockets, log.WithName("metrics"))
	if err := o.newReplication(&config, u, pair, replicationParts{
		classes: classes, own: ownAddresses, heartbeats: heartbeats, provided: provided,
		objects: members.New(objects), registry: registry,
	}); err != nil {
		return err
	}
	if err := o.connect(&config, u, pair, log); err != nil {
		return err
	}
	return sidecar.New(config).Run(ctx)
}

// settingsDirectory has the kernel's settings of the unit's network namespace.
const settingsDirectory = "/proc/sys"

// newDataPlane returns the data plane's routing, which is in place then. What the kernel refuses is tried again, and
// reported, while the unit runs.
func newDataPlane(
	pair contract.Settings, networks []addresses.Network, fence contract.Fence, kernels kernels,
	registry prometheus.Registerer, log logr.Logger,
) *dataplane.Plane {
	o := dataplane.Options{
		Required: requiredMarks(pair, fence), Shared: pair.ThirdPartyFirewall,
		DynamicRouting: pair.DynamicRouting, Kernel: kernels.others, Policies: kernels.policies,
		Settings: settingsDirectory, Metrics: dataplane.NewMetrics(registry), Log: log,
	}
	for _, n := range networks {
		o.Networks = append(o.Networks, dataplane.Network{Interface: n.Interface, Addresses: n.Addresses})
	}
	plane := dataplane.New(o)
	if err := plane.Set(); err != nil {
		o.Log.Error(err, "Setting routes and rules of the data plane failed, trying again")
	}
	return plane
}

// newNeighbours returns the check of static neighbours.
func newNeighbours(
	interfaces []string, kernels kernels, wire addresses.Wire, log logr.Logger,
) *neighbours.Checker {
	return neighbours.New(neighbours.Options{Interfaces: interfaces, Kernel: kernels.others, Wire: wire, Log: log})
}

// requiredMarks returns the marks of forwarded packets. The ruleset of the firewall sets one of them, unless it is of a
// third party. A gate of nftables sets another: it would be removed together with the rules.
func requiredMarks(pair contract.Settings, fence contract.Fence) []uint32 {
	var marks []uint32
	if !pair.ThirdPartyFirewall {
		marks = append(marks, contract.DataPlaneMark)
	}
	if fence == contract.FenceNFTables {
		marks = append(marks, contract.GateMark)
	}
	return marks
}

// never permits no announcement.
func never() bool { return false }

// aheadOf returns how far the clock is ahead of the boot clock; nil if it cannot tell.
func aheadOf(c *clock.Clock) func() time.Duration {
	if !c.HasCounter() {
		return nil
	}
	return c.Ahead
}

// machineConfig returns the configuration of the machine that decides about the unit's role.
func machineConfig(u unit, pair contract.Settings) ha.Config {
	c := ha.Configure(pair.Failover)
	c.Self, c.Preferred = ha.Incarnation(u.incarnation), u.name == v1alpha1.Primary
	return c
}

func trafficNetworks(pair contract.Settings) (interfaces []string, networks []addresses.Network, err error) {
	for _, n := range pair.Networks {
		network := addresses.Network{Interface: n.Interface, Addresses: n.VirtualAddresses}
		if n.VirtualMAC != "" {
			if network.VirtualMAC, err = rtnetlink.ParseMAC(n.VirtualMAC); err != nil {
				return nil, nil, fmt.Errorf("reading the virtual MAC of network %s: %w", n.Interface, err)
			}
		}
		interfaces, networks = append(interfaces, n.Interface), append(networks, network)
	}
	return interfaces, networks, nil
}

// virtualMACs returns the MAC addresses that the pair shares.
func virtualMACs(networks []addresses.Network) []rtnetlink.MAC {
	var all []rtnetlink.MAC
	for _, n := range networks {
		if n.VirtualMAC != (rtnetlink.MAC{}) {
			all = append(all, n.VirtualMAC)
		}
	}
	return all
}

// newAddresses returns the virtual addresses. They are announced only while the gate is open. The interfaces' own MAC
// addresses are stored in the volume that the pod's containers share.
func (o sidecarOptions) newAddresses(
	u unit, networks []addresses.Network, permitted func() bool, kernel addresses.Kernel, wire addresses.Wire,
	log logr.Logger,
) *addresses.Addresses {
	return addresses.New(addresses.Options{
		Networks: networks, Kernel: kernel, Wire: wire,
		Permitted: permitted,
		Memory:    o.stateDirectory, Identity: u.podUID, Log: log,
	})
}

// connect gives the unit its connections to the API server: one for the Lease alone, and one for the pods.
func (o sidecarOptions) connect(config *sidecar.Config, u unit, pair contract.Settings, log logr.Logger) error {
	cluster, err := clusterConfig(o.kubeconfig)
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	config.Lease, err = lease.New(cluster, lease.Config{
		Namespace: u.namespace, Name: resources.LeaseName(pair.Pair),
		Timeout: min(pair.LeaseDuration()/3, leaseTimeout), Silence: pair.LeaseDuration(), Log: log.WithName("lease"),
	})
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(cluster)
	if err != nil {
		return fmt.Errorf("making a client for pods: %w", err)
	}
	config.Status = sidecar.NewUnitClient(client, u.namespace, resources.UnitName(pair.Pair, u.name))
	config.Peer = sidecar.NewPeerWatcher(client, u.namespace, resources.UnitName(pair.Pair, u.peer))
	return nil
}

func clusterConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		return rest.InClusterConfig()
	}
	return clientcmd.BuildConfigFromFlags("", kubeconfig)
}

// replicationParts are what replication is made of.
type replicationParts struct {
	classes    []class.Class
	own        *own.Addresses
	heartbeats *heartbeat.Link
	provided   *table.Set
	objects    *members.Members
	registry   prometheus.Registerer
}

// newReplication gives the unit the engine, and the server of the providers that publish through it. The primary
// listens and the secondary dials, whatever their roles.
func (o sidecarOptions) newReplication(
	into *sidecar.Config, u unit, pair contract.Settings, parts replicationParts,
) error {
	log := into.Log.WithName("replication")
	peerName := credentials.UnitName(string(u.peer), pair.Pair, pair.Namespace)
	config := engine.Config{
		Pair: pair.Pair, Namespace: pair.Namespace, Unit: string(u.name), Peer: string(u.peer),
		Incarnation: u.incarnation, PeerPort: contract.SyncPort,
		Network:       transport.TCP{Control: u.sockets.Control},
		TLS:           transport.Credentials(o.tlsDirectory, peerName),
		Classes:       parts.classes,
		Own:           parts.own,
		Limits:        limitsOf(pair.Sync),
		AuditInterval: pair.Sync.AuditInterval(),
		Metrics:       engine.NewMetrics(parts.registry),
		Log:           log,
	}
	if u.name == v1alpha1.Primary {
		config.ListenAddress = u.listenAddress
	}
	e, err := engine.New(config)
	if err != nil {
		return err
	}
	follow := limits{file: o.settings, now: config.Limits, log: log}
	replicated := replication{Engine: e, heartbeats: parts.heartbeats, limits: follow}
	into.Replication, into.Costs = replicated, replicated.costs
	providers, err := o.providersConfig(u, pair, parts, e, into.Log.WithName("providers"))
	if err != nil {
		return err
	}
	into.Providers = server.New(providers)
	return nil
}
