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

// snapshot is a pair and all that it consists of, by kind and name, without what differs between two pairs that are the
// same in all that matters: names, identities, times, versions, random numbers and what the cluster allots.
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
		// Twice, since what an identity is replaced by has a name in it.
		text := strings.NewReplacer(names...).Replace(plain(object))
		taken[key] = strings.NewReplacer(names[len(names)-4:]...).Replace(text)
	}
	return taken
}

// passing are fields that say when and where something is, not what.
var passing = []string{
	"acquireTime", "clusterIP", "clusterIPs", "creationTimestamp", "generation", "healthCheckNodePort",
	"lastTransitionTime", "leaseTransitions", "managedFields", "nodePort", "observedGeneration", "renewTime",
	"resourceVersion", "startTime", "term",
	v1alpha1.AnnotationTemplateHash, v1alpha1.AnnotationSettingsHash,
}

// made is an address that the operator made from the identity of the pair.
var made = regexp.MustCompile(`02(:[0-9a-f]{2}){5}`)

// plain is an object as text.
func plain(object client.Object) string {
	GinkgoHelper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	Expect(err).NotTo(HaveOccurred())
	if secret, ok := object.(*corev1.Secret); ok {
		fields["data"] = slices.Sorted(maps.Keys(secret.Data))
	}
	forget(fields)
	text, err := json.MarshalIndent(fields, "", " ")
	Expect(err).NotTo(HaveOccurred())
	return made.ReplaceAllString(string(text), "<address>")
}

// forget removes the passing fields, however deep.
func forget(value any) {
	switch value := value.(type) {
	case map[string]any:
		for _, field := range passing {
			delete(value, field)
		}
		for _, inner := range value {
			forget(inner)
		}
	case []any:
		for _, inner := range value {
			forget(inner)
		}
		// In which order conditions came to be does not matter.
		slices.SortStableFunc(value, func(a, b any) int { return strings.Compare(typeOf(a), typeOf(b)) })
	}
}

// typeOf is that of a condition, and empty for what is none.
func typeOf(value any) string {
	fields, ok := value.(map[string]any)
	if !ok || fields["status"] == nil {
		return ""
	}
	text, _ := fields["type"].(string)
	return text
}

// differences are what is not the same in two snapshots, for people.
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
			found = append(found, key+" is there in excess")
		}
	}
	slices.Sort(found)
	return found
}

// linesThatDiffer are those from the first line that differs to the last.
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
