// Package manager is the command line of the operator: flags, and the wiring of the controllers.
package manager

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime/debug"
	"time"

	"github.com/hapair-io/hapair/internal/cli/program"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	"sigs.k8s.io/controller-runtime/pkg/metrics/filters"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/firewallconfiguration"
	"github.com/hapair-io/hapair/controllers/hapair"
	"github.com/hapair-io/hapair/controllers/syncpolicy"
	"github.com/hapair-io/hapair/controllers/trimmed"
	"github.com/hapair-io/hapair/internal/resources"
)

// leaderElectionID is the Lease by which the replicas of the operator agree on the one that acts.
const leaderElectionID = "hapair-manager"

// managerOptions are the flags of the operator.
type managerOptions struct {
	images                  resources.Images
	pacing                  hapair.Pacing
	allowed                 resources.Allowed
	allowedAddresses        []string
	watchNamespaces         []string
	leaderElect             bool
	leaderElectionNamespace string
	healthProbeBindAddress  string
	metricsBindAddress      string
	metricsCertificates     string
	logFormat               string
	verbosity               int
}

// NewCommand returns the command of the operator.
func NewCommand() *cobra.Command {
	o := managerOptions{}
	command := &cobra.Command{
		Use:   "manager",
		Short: "Make pairs of firewalls what their HAPair objects say",
		Args:  cobra.NoArgs,
		RunE:  func(command *cobra.Command, _ []string) error { return runManager(command, o) },
	}
	flags := command.Flags()
	flags.StringVar(&o.images.Sidecar, "sidecar-image", "", "image of the sidecar of every unit (required)")
	flags.StringVar(&o.images.Firewall, "firewall-image", "",
		"image of the firewall of pairs that name none (required)")
	flags.StringVar(&o.images.VPN, "vpn-image", "",
		"image with the IKE daemon, for pairs with spec.vpn; such pairs are refused if it is empty")
	flags.StringVar(&o.images.Routing, "routing-image", "",
		"image with the routing daemons, for pairs with spec.dynamicRouting; such pairs are refused if it is empty")
	o.addRestrictions(flags)
	flags.IntVar(&o.pacing.MaxPairs, "upgrade-max-pairs", 1,
		"how many pairs may have units replaced at the same time; 0 for no bound")
	flags.DurationVar(&o.pacing.Delay, "upgrade-delay", 10*time.Second,
		"time between the end of one pair's update and the begin of the next one's")
	flags.BoolVar(&o.leaderElect, "leader-elect", false, "let only one of several replicas act")
	flags.StringVar(&o.leaderElectionNamespace, "leader-election-namespace", os.Getenv("POD_NAMESPACE"),
		"namespace of the Lease by which replicas agree; by default that of POD_NAMESPACE")
	flags.StringVar(&o.healthProbeBindAddress, "health-probe-bind-address", ":8081",
		"address of /healthz and /readyz; 0 for none")
	flags.StringVar(&o.metricsBindAddress, "metrics-bind-address", "0",
		"address of /metrics, served over TLS to users with the right to get the URL /metrics; 0 for none")
	flags.StringVar(&o.metricsCertificates, "metrics-cert-dir", "",
		"directory with tls.crt and tls.key for /metrics; a certificate that it makes itself when empty")
	flags.StringVar(&o.logFormat, "log-format", "json", "json or text")
	flags.IntVarP(&o.verbosity, "verbosity", "v", 0, "how much is logged; 1 adds what is not done and why")
	return command
}

// addRestrictions adds the flags with which an administrator restricts the operator and the authors of pairs.
func (o *managerOptions) addRestrictions(flags *pflag.FlagSet) {
	flags.StringSliceVar(&o.watchNamespaces, "watch-namespaces", nil,
		"namespaces of the pairs; the operator then needs no rights in others. All namespaces if empty")
	flags.StringSliceVar(&o.allowed.AttachmentNamespaces, "allowed-attachment-namespaces", nil,
		"namespaces, besides that of a pair, whose NetworkAttachmentDefinitions pairs may use; * for all")
	flags.StringSliceVar(&o.allowedAddresses, "allowed-virtual-addresses", nil,
		"prefixes that contain all virtual addresses of pairs, as in 192.0.2.0/24; any address if empty")
	flags.StringSliceVar(&o.allowed.Images, "allowed-images", nil,
		"registries and repositories from which the images of firewalls and providers may come; any image if empty")
}

// parsePrefixes parses the prefixes of a flag.
func parsePrefixes(texts []string) ([]netip.Prefix, error) {
	var prefixes []netip.Prefix
	for _, text := range texts {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("--allowed-virtual-addresses: %q is not a prefix, as in 192.0.2.0/24", text)
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes, nil
}

func (o managerOptions) validate() error {
	var errs []error
	if _, err := parsePrefixes(o.allowedAddresses); err != nil {
		errs = append(errs, err)
	}
	if o.images.Sidecar == "" {
		errs = append(errs, errors.New("--sidecar-image must be set"))
	}
	if o.images.Firewall == "" {
		errs = append(errs, errors.New("--firewall-image must be set"))
	}
	if o.pacing.MaxPairs < 0 || o.pacing.Delay < 0 {
		errs = append(errs, errors.New("--upgrade-max-pairs and --upgrade-delay must not be negative"))
	}
	if o.leaderElect && o.leaderElectionNamespace == "" {
		errs = append(errs, errors.New("--leader-elect needs --leader-election-namespace or POD_NAMESPACE"))
	}
	return errors.Join(errs...)
}

func runManager(command *cobra.Command, o managerOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	log := program.Logger(o.logFormat, o.verbosity)
	ctrl.SetLogger(log)
	klog.SetLogger(log) // of client-go, which has no other way

	options, err := o.forController()
	if err != nil {
		return err
	}
	config, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	manager, err := ctrl.NewManager(config, options)
	if err != nil {
		return fmt.Errorf("setting up the operator: %w", err)
	}
	if o.allowed.VirtualAddresses, err = parsePrefixes(o.allowedAddresses); err != nil {
		return err
	}
	if err := o.addControllers(manager); err != nil {
		return err
	}
	collectOften()
	log.Info("Starting operator", append(program.BuildInfo().LogValues(),
		"sidecarImage", o.images.Sidecar, "firewallImage", o.images.Firewall)...)
	return manager.Start(command.Context())
}

// garbagePercent is how much garbage may lie about before it is collected, in parts of what is in use. Nearly all of
// that is the cache, which stays, and an operator at rest makes little garbage: it costs next to nothing to let it grow
// to a third of the cache and not to as much again.
const garbagePercent = 33

func collectOften() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePercent)
	}
}

func (o managerOptions) forController() (ctrl.Options, error) {
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1alpha1.AddToScheme(scheme)); err != nil {
		return ctrl.Options{}, fmt.Errorf("registering kinds: %w", err)
	}
	cached, err := trimmed.Options()
	if err != nil {
		return ctrl.Options{}, err
	}
	for _, namespace := range o.watchNamespaces {
		if cached.DefaultNamespaces == nil {
			cached.DefaultNamespaces = map[string]cache.Config{}
		}
		cached.DefaultNamespaces[namespace] = cache.Config{}
	}
	return ctrl.Options{
		Scheme:   scheme,
		Cache:    cached,
		NewCache: trimmed.NewCache,
		// A reconcile that follows a write sees it. What depends on more than that asks the API server itself.
		Client: client.Options{Cache: &client.CacheOptions{EnableReadYourWritesConsistency: new(true)}},

		Metrics: metricsserver.Options{
			BindAddress:    o.metricsBindAddress,
			SecureServing:  true,
			CertDir:        o.metricsCertificates,
			FilterProvider: filters.WithAuthenticationAndAuthorization,
		},
		HealthProbeBindAddress:        o.healthProbeBindAddress,
		LeaderElection:                o.leaderElect,
		LeaderElectionID:              leaderElectionID,
		LeaderElectionNamespace:       o.leaderElectionNamespace,
		LeaderElectionReleaseOnCancel: true,
	}, nil
}

func (o managerOptions) addControllers(manager ctrl.Manager) error {
	pairs := &hapair.Reconciler{
		Client: manager.GetClient(),
		Live:   manager.GetAPIReader(),
		Events: manager.GetEventRecorder("hapair"),
		Images: o.images, Allowed: o.allowed,
		Pacing: o.pacing,
		Now:    time.Now,
	}
	if err := pairs.SetupWithManager(manager); err != nil {
		return fmt.Errorf("setting up the controller of HAPair: %w", err)
	}
	configurations := &firewallconfiguration.Reconciler{Client: manager.GetClient(), Now: time.Now}
	if err := configurations.SetupWithManager(manager); err != nil {
		return fmt.Errorf("setting up the controller of FirewallConfiguration: %w", err)
	}
	policies := &syncpolicy.Reconciler{Client: manager.GetClient(), Now: time.Now}
	if err := policies.SetupWithManager(manager); err != nil {
		return fmt.Errorf("setting up the controller of SyncPolicy: %w", err)
	}
	return errors.Join(
		hapair.RegisterMetrics(metrics.Registry, manager.GetCache()),
		manager.AddHealthzCheck("ping", healthz.Ping),
		manager.AddReadyzCheck("caches-synced", hapair.CachesSynced(manager.GetCache())),
	)
}
