package firewallconfiguration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/controllers/apply"
	v1alpha1ac "github.com/hapair-io/hapair/internal/applyconfiguration/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

// The API admits this many pairs and errors in a status.
const (
	maxPairs  = 1000
	maxErrors = 20
)

// Reconciler maintains the status of configurations.
type Reconciler struct {
	// Client reads from the cache and writes.
	Client client.Client
	// Now is the clock.
	Now func() time.Time
}

// +kubebuilder:rbac:groups=hapair.io,resources=firewallconfigurations,verbs=get;list;watch
// +kubebuilder:rbac:groups=hapair.io,resources=firewallconfigurations/status,verbs=get;patch
// +kubebuilder:rbac:groups=hapair.io,resources=hapairs,verbs=get;list;watch

// Reconcile updates the status of one configuration.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	configuration := &v1alpha1.FirewallConfiguration{}
	if err := r.Client.Get(ctx, request.NamespacedName, configuration); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	pairs := &v1alpha1.HAPairList{}
	if err := r.Client.List(ctx, pairs, client.InNamespace(configuration.Namespace)); err != nil {
		return ctrl.Result{}, fmt.Errorf("listing the pairs that may use the configuration: %w", err)
	}
	status := statusOf(configuration, pairs.Items, metav1.NewTime(r.Now()))
	if equality.Semantic.DeepEqual(configuration.Status, status) {
		return ctrl.Result{}, nil
	}
	applied, err := apply.Convert[v1alpha1ac.FirewallConfigurationStatusApplyConfiguration](status)
	if err != nil {
		return ctrl.Result{}, err
	}
	wanted := v1alpha1ac.FirewallConfiguration(configuration.Name, configuration.Namespace).
		WithResourceVersion(configuration.ResourceVersion). // The API server refuses the status if the configuration changed.
		WithStatus(applied)
	return apply.Status(ctx, r.Client, wanted)
}

// statusOf returns the status of a configuration in a namespace with these pairs.
func statusOf(
	configuration *v1alpha1.FirewallConfiguration, pairs []v1alpha1.HAPair, now metav1.Time,
) v1alpha1.FirewallConfigurationStatus {
	status := *configuration.Status.DeepCopy()
	status.ObservedGeneration = configuration.Generation
	status.Pairs = usersOf(configuration.Name, pairs)

	accepted := metav1.Condition{
		Type:               v1alpha1.ConditionAccepted,
		Status:             metav1.ConditionTrue,
		Reason:             v1alpha1.ReasonValid,
		Message:            "The configuration has no errors",
		ObservedGeneration: configuration.Generation,
		LastTransitionTime: now,
	}
	var total int
	parsed, err := resources.FirewallDocument(configuration)
	if err == nil {
		status.Hash = document.Hash(parsed.JSON())
		accepted.Message += warningsOf(parsed, configuration.Name, pairs)
		status.Errors, total = pairErrors(parsed, configuration.Name, pairs)
	} else {
		status.Hash = ""
		status.Errors, total = fieldErrors(err)
	}
	if total > 0 {
		accepted.Status, accepted.Reason = metav1.ConditionFalse, v1alpha1.ReasonInvalid
		accepted.Message = message(status.Errors[0], total)
	}
	meta.SetStatusCondition(&status.Conditions, accepted)
	return status
}

// pairErrors returns the first errors of a valid document with regard to the pairs that use it, and the number of all.
// Each message names the pair.
func pairErrors(
	parsed document.Document, configuration string, pairs []v1alpha1.HAPair,
) (listed []v1alpha1.FieldError, total int) {
	byName := func(a, b v1alpha1.HAPair) int { return cmp.Compare(a.Name, b.Name) }
	sorted := slices.SortedFunc(slices.Values(pairs), byName)
	for i := range sorted {
		if !uses(&sorted[i], configuration) {
			continue
		}
		err := resources.CheckPair(parsed, sorted[i].Spec)
		if err == nil {
			continue
		}
		found, count := fieldErrors(err)
		total += count
		for _, e := range found {
			e.Message = fmt.Sprintf("for pair %s: %s", sorted[i].Name, e.Message)
			listed = append(listed, e)
		}
	}
	return listed[:min(len(listed), maxErrors)], total
}

// maxWarnings bounds the warnings in the message of a condition.
const maxWarnings = 5

// warningsOf returns what the message of an accepted configuration adds: what probably does not work with the pairs
// that use it.
func warningsOf(parsed document.Document, configuration string, pairs []v1alpha1.HAPair) string {
	var warnings []string
	for i := range pairs {
		if reference := pairs[i].Spec.Firewall.ConfigurationRef; reference == nil || reference.Name != configuration {
			continue
		}
		for _, w := range parsed.Warnings(virtualAddresses(&pairs[i])) {
			warnings = append(warnings, fmt.Sprintf("warning for pair %s: %s", pairs[i].Name, w))
		}
	}
	if more := len(warnings) - maxWarnings; more > 0 {
		warnings = append(warnings[:maxWarnings], fmt.Sprintf("and %d more warnings", more))
	}
	if len(warnings) == 0 {
		return ""
	}
	return "; " + strings.Join(warnings, "; ")
}

// virtualAddresses returns the addresses that a pair holds, with the prefixes of their segments. The API server admits
// no malformed ones.
func virtualAddresses(pair *v1alpha1.HAPair) (held []netip.Prefix) {
	for _, n := range pair.Spec.Networks {
		for _, a := range n.VirtualAddresses {
			if prefix, err := netip.ParsePrefix(a); err == nil {
				held = append(held, prefix)
			}
		}
	}
	return held
}

// usersOf returns the names of the pairs that refer to the configuration, sorted.
func usersOf(configuration string, pairs []v1alpha1.HAPair) []string {
	var names []string
	for i := range pairs {
		if uses(&pairs[i], configuration) {
			names = append(names, pairs[i].Name)
		}
	}
	slices.Sort(names)
	return names[:min(len(names), maxPairs)]
}

// uses reports whether a pair refers to the configuration.
func uses(pair *v1alpha1.HAPair, configuration string) bool {
	reference := pair.Spec.Firewall.ConfigurationRef
	return reference != nil && reference.Name == configuration
}

// fieldErrors returns the first errors, and the number of all.
func fieldErrors(err error) (listed []v1alpha1.FieldError, total int) {
	var problems *document.Problems
	if !errors.As(err, &problems) {
		return []v1alpha1.FieldError{{Message: err.Error()}}, 1
	}
	for _, problem := range problems.Listed {
		listed = append(listed, v1alpha1.FieldError{Field: problem.Path, Message: problem.Message})
	}
	return listed, len(problems.Listed) + problems.Omitted
}

// message returns the message of a configuration that is not accepted.
func message(first v1alpha1.FieldError, total int) string {
	text := first.Message
	if first.Field != "" {
		text = first.Field + ": " + text
	}
	if total > 1 {
		return fmt.Sprintf("%d errors, the first of them %s", total, text)
	}
	return text
}
