//go:build apiserver

package operator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// snapshot has a pair and its objects as text, by kind and name. It omits what may differ between two equal pairs:
// names, identities, times, versions, random numbers and values that the cluster allocates.
type snapshot map[string]string

func takeSnapshot(ctx context.Context, reader client.Reader, namespace, name string) snapshot {
	GinkgoHelper()
	pair := &v1alpha1.HAPair{}
	Expect(reader.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, pair)).To(Succeed())
	objects := []client.Object{pair}
	for _, list := range kinds() {
		ofPair := client.MatchingLabels{v1alpha1.LabelPair: name}
		Expect(reader.List(ctx, list, client.InNamespace(namespace), ofPair)).To(Succeed())
		objects = append(objects, itemsOf(list)...)
	}
	names := []string{}
	for _, object := range objects {
		names = append(names, string(object.GetUID()), fmt.Sprintf("<%T %s>", object, object.GetName()))
	}
	names = append(names, namespace, "<namespace>", name, "<pair>")
	taken := snapshot{}
	for _, object := range objects {
		key := strings.ReplaceAll(fmt.Sprintf("%T %s", object, object.GetName()), name, "<pair>")
		// Twice, since the replacement of an identity contains a name.
		text := strings.NewReplacer(names...).Replace(textOf(object))
		taken[key] = strings.NewReplacer(names[len(names)-4:]...).Replace(text)
	}
	return taken
}

// ignoredFields are fields that depend on the time and on the cluster.
var ignoredFields = []string{
	"acquireTime", "clusterIP", "clusterIPs", "creationTimestamp", "generation", "healthCheckNodePort",
	"lastTransitionTime", "leaseTransitions", "managedFields", "nodePort", "observedGeneration", "renewTime",
	"resourceVersion", "startTime", "term",
	v1alpha1.AnnotationTemplateHash, v1alpha1.AnnotationSettingsHash,
}

// generatedMAC matches an address that the operator derived from the identity of the pair.
var generatedMAC = regexp.MustCompile(`02(:[0-9a-f]{2}){5}`)

// textOf returns an object as text.
func textOf(object client.Object) string {
	GinkgoHelper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	Expect(err).NotTo(HaveOccurred())
	if secret, ok := object.(*corev1.Secret); ok {
		fields["data"] = slices.Sorted(maps.Keys(secret.Data))
	}
	removeIgnored(fields)
	text, err := json.MarshalIndent(fields, "", " ")
	Expect(err).NotTo(HaveOccurred())
	return generatedMAC.ReplaceAllString(string(text), "<address>")
}

// removeIgnored removes the ignored fields at every depth.
func removeIgnored(value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, field := range ignoredFields {
			delete(value, field)
		}
		for _, inner := range value {
			removeIgnored(inner)
		}
	case []any:
		for _, inner := range value {
			removeIgnored(inner)
		}
		// The order in which conditions were added does not matter.
		slices.SortStableFunc(value, func(a, b any) int { return strings.Compare(typeOf(a), typeOf(b)) })
	}
}

// typeOf returns the type of a condition; empty for any other value.
func typeOf(value any) string {
	fields, ok := value.(map[string]any)
	if !ok || fields["status"] == nil {
		return ""
	}
	text, _ := fields["type"].(string)
	return text
}

// differences describes what differs between two snapshots.
func (s snapshot) differences(want snapshot) []string {
	var found []string
	for key, text := range want {
		switch got, ok := s[key]; {
		case !ok:
			found = append(found, key+" is missing")
		case got != text:
			found = append(found, key+" differs:\n"+linesThatDiffer(got, text))
		}
	}
	for key := range s {
		if _, ok := want[key]; !ok {
			found = append(found, key+" exists in excess")
		}
	}
	slices.Sort(found)
	return found
}

// linesThatDiffer returns the lines from the first to the last one that differs.
func linesThatDiffer(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	return "got\n" + strings.Join(a, "\n") + "\nwant\n" + strings.Join(b, "\n")
}

// kinds returns lists of all kinds that a pair owns.
func kinds() []client.ObjectList {
	return []client.ObjectList{
		&corev1.PodList{}, &corev1.ConfigMapList{}, &corev1.SecretList{}, &corev1.ServiceAccountList{},
		&corev1.ServiceList{}, &rbacv1.RoleList{}, &rbacv1.RoleBindingList{}, &coordinationv1.LeaseList{},
		&policyv1.PodDisruptionBudgetList{}, &discoveryv1.EndpointSliceList{}, &networkingv1.NetworkPolicyList{},
		&v1alpha1.HAUnitList{},
	}
}
