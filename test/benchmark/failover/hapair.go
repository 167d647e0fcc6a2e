package failover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/credentials"
	"github.com/hapair-io/hapair/internal/lease"
	"github.com/hapair-io/hapair/internal/resources"
	"github.com/hapair-io/hapair/internal/state"
	"github.com/hapair-io/hapair/test/benchmark/internal/apiserver"
	"github.com/hapair-io/hapair/test/benchmark/internal/process"
	"github.com/hapair-io/hapair/test/testbed"
	"github.com/hapair-io/hapair/test/testbed/connections"
)

const (
	// kubernetesNamespace has the objects of all pairs of a benchmark. Each run has its own pair.
	kubernetesNamespace = "benchmark"
	fieldManager        = "benchmark"
)

// timing holds the times with which a pair of hapair detects failures and fences.
type timing struct {
	heartbeat time.Duration
	missed    int32
	grant     time.Duration
}

func (t timing) String() string {
	return fmt.Sprintf("%d ms × %d, grant %d ms", t.heartbeat.Milliseconds(), t.missed, t.grant.Milliseconds())
}

// hapair runs the sidecar in each router, as the operator runs it in each pod, with a real API server.
type hapair struct {
	bed    *bed
	server *apiserver.Server
	binary string
	timing timing
	// name is the name of the pair, which differs in each run.
	name  string
	units map[string]*process.Process
}

// pair returns the object from which the operator would create everything else.
func (h *hapair) pair() *v1alpha1.HAPair {
	return &v1alpha1.HAPair{ObjectMeta: metav1.ObjectMeta{
		Name: h.name, Namespace: kubernetesNamespace, UID: types.UID("00000000-0000-0000-0000-" + h.name),
	}}
}

func unitOf(r *router) v1alpha1.Unit { return v1alpha1.Unit(r.name) }

func (h *hapair) start() {
	t := h.bed.t
	t.Helper()
	ctx := t.Context()
	settings, err := h.settings()
	if err == nil {
		_, err = h.server.Admin.CoordinationV1().Leases(kubernetesNamespace).
			Apply(ctx, resources.Lease(h.pair()), metav1.ApplyOptions{FieldManager: fieldManager})
	}
	if err != nil {
		t.Fatalf("Preparing the pair: %v", err)
	}
	document := h.bed.write("sidecar.json", settings, 0o600)
	authority, err := credentials.NewAuthority(credentials.Domain(h.name, kubernetesNamespace), time.Now())
	if err != nil {
		t.Fatalf("Making the authority of the pair: %v", err)
	}
	pods := map[string]*corev1.Pod{}
	for _, r := range h.bed.routers() {
		if pods[r.name], err = h.makeUnit(ctx, r, authority); err != nil {
			t.Fatalf("Preparing %s: %v", r.name, err)
		}
	}
	h.units = map[string]*process.Process{}
	for _, r := range h.bed.routers() {
		h.units[r.name] = h.run(r, document, pods[r.name])
	}
	h.bed.await("hapair to be redundant", func(context.Context) error {
		for _, unit := range h.units {
			unit.Running()
		}
		return h.redundant()
	})
}

func (h *hapair) settings() (string, error) {
	settings := contract.Settings{
		Pair: h.name, Namespace: kubernetesNamespace,
		ThirdPartyFirewall: true, // The bed loads rules of its own.
		Failover: contract.Failover{
			LeaseDurationSeconds:          15,
			HeartbeatIntervalMilliseconds: int32(h.timing.heartbeat.Milliseconds()),
			MissedHeartbeats:              h.timing.missed,
			GrantMilliseconds:             int32(h.timing.grant.Milliseconds()),
			Isolation:                     contract.IsolationFence,
			HealthDampingSeconds:          5,
		},
		Networks: []contract.Network{
			{Interface: "lan0", VirtualAddresses: []netip.Prefix{testbed.VirtualLAN}},
			{Interface: "wan0", VirtualAddresses: []netip.Prefix{testbed.VirtualWAN}},
		},
		Sync: contract.Sync{Classes: []contract.SyncClass{{Name: state.ConnectionCache.String()}}},
	}
	text, err := json.MarshalIndent(settings, "", "  ")
	if err == nil {
		_, err = contract.Parse(text)
	}
	return string(text), err
}

// makeUnit creates what the operator and the kubelet create for a unit: its service account with the released
// permissions, its HAUnit, its pod with an address, and its certificate. It also writes a status file as of a firewall
// that has applied its rules.
func (h *hapair) makeUnit(ctx context.Context, r *router, authority credentials.KeyPair) (*corev1.Pod, error) {
	unit, options := unitOf(r), metav1.ApplyOptions{FieldManager: fieldManager}
	name := resources.UnitName(h.name, unit)
	admin := h.server.Admin
	if _, err := admin.CoreV1().ServiceAccounts(kubernetesNamespace).
		Apply(ctx, resources.ServiceAccount(h.pair(), unit), options); err != nil {
		return nil, err
	}
	if _, err := admin.RbacV1().Roles(kubernetesNamespace).
		Apply(ctx, resources.Role(h.pair(), unit), options); err != nil {
		return nil, err
	}
	if _, err := admin.RbacV1().RoleBindings(kubernetesNamespace).
		Apply(ctx, resources.RoleBinding(h.pair(), unit), options); err != nil {
		return nil, err
	}
	if err := h.server.ApplyHAUnit(ctx, h.pair(), unit); err != nil {
		return nil, err
	}
	pod, err := admin.CoreV1().Pods(kubernetesNamespace).Create(ctx, &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: resources.Labels(h.name)},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: resources.ContainerSidecar, Image: "localhost/hapair/sidecar"}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	pod.Status.PodIP, pod.Status.PodIPs = r.sync, []corev1.PodIP{{IP: r.sync}}
	if pod, err = admin.CoreV1().Pods(kubernetesNamespace).UpdateStatus(ctx, pod, metav1.UpdateOptions{}); err != nil {
		return nil, err
	}
	issued, err := credentials.Issue(authority, credentials.UnitName(r.name, h.name, kubernetesNamespace), time.Now())
	if err != nil {
		return nil, err
	}
	h.bed.write(filepath.Join(r.name, resources.KeyAuthority), string(authority.Certificate), 0o600)
	h.bed.write(filepath.Join(r.name, resources.KeyCertificate), string(issued.Certificate), 0o600)
	h.bed.write(filepath.Join(r.name, resources.KeyPrivate), string(issued.Key), 0o600)
	h.bed.write(filepath.Join(r.name, "firewall-status.json"), `{"hash":"`+strings.Repeat("0", 64)+`"}`, 0o600)
	return pod, h.server.Kubeconfig(ctx, kubernetesNamespace, name, h.bed.file(filepath.Join(r.name, "kubeconfig")))
}

// run starts the sidecar of a unit.
func (h *hapair) run(r *router, document string, pod *corev1.Pod) *process.Process {
	directory := h.bed.file(r.name)
	command := exec.Command(h.binary,
		"--unit="+r.name, "--settings="+document, "--tls-dir="+directory,
		"--firewall-status="+filepath.Join(directory, "firewall-status.json"),
		"--kubeconfig="+filepath.Join(directory, "kubeconfig"), "--log-format=text",
	)
	command.Env = append(os.Environ(), "POD_NAMESPACE="+pod.Namespace,
		"POD_UID="+string(pod.UID), "POD_IP="+r.sync)
	return process.Start(h.bed.t, r.path(), h.bed.file(r.name+".log"), command)
}

// errNotRedundant reports that the pair would not survive a failure now.
var errNotRedundant = errors.New("the pair is not redundant")

// redundant checks what the units have written to the API server: the holder of the Lease, the standby that it names,
// and that the standby is in sync.
func (h *hapair) redundant() error {
	ctx, cancel := context.WithTimeout(h.bed.t.Context(), 5*time.Second)
	defer cancel()
	l, err := h.server.Admin.CoordinationV1().Leases(kubernetesNamespace).
		Get(ctx, resources.LeaseName(h.name), metav1.GetOptions{})
	if err != nil {
		return err
	}
	holder := ""
	if l.Spec.HolderIdentity != nil {
		holder = *l.Spec.HolderIdentity
	}
	standby := l.Annotations[lease.AnnotationStandby]
	if !strings.HasPrefix(holder, h.bed.primary.name+"/") || !strings.HasPrefix(standby, h.bed.secondary.name+"/") {
		return fmt.Errorf("%w: the Lease names %q as its holder and %q as the standby", errNotRedundant, holder, standby)
	}
	for _, r := range h.bed.routers() {
		status, err := h.server.UnitStatus(ctx, h.pair(), unitOf(r))
		if err != nil {
			return err
		}
		if !meta.IsStatusConditionTrue(status.Conditions, v1alpha1.ConditionSynchronized) {
			return fmt.Errorf("%w: %s is not in sync", errNotRedundant, r.name)
		}
	}
	return h.bed.primary.holdsVirtualAddress()
}

// replicated returns the number of connections in the standby's kernel, since each one is written there on arrival.
func (h *hapair) replicated() (int, error) { return connections.Count(h.bed.secondary.namespace) }

// report returns how the new active became active, as that unit reported it.
func (h *hapair) report() json.RawMessage {
	ctx, cancel := context.WithTimeout(h.bed.t.Context(), 5*time.Second)
	defer cancel()
	l, err := h.server.Admin.CoordinationV1().Leases(kubernetesNamespace).
		Get(ctx, resources.LeaseName(h.name), metav1.GetOptions{})
	if err != nil || l.Spec.HolderIdentity == nil {
		return nil
	}
	unit, _, _ := strings.Cut(*l.Spec.HolderIdentity, "/")
	status, err := h.server.UnitStatus(ctx, h.pair(), v1alpha1.Unit(unit))
	if err != nil || status.LastFailover == nil {
		return nil
	}
	text, err := json.Marshal(status.LastFailover)
	if err != nil {
		return nil
	}
	return text
}

func (h *hapair) stop(r *router) { h.units[r.name].Signal(unix.SIGTERM) }
