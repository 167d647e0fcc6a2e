//go:build apiserver

package operator

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/test/internal/examples"
)

// otherKinds are the groups of kinds that others install. The examples of these are only parsed.
var otherKinds = []string{"monitoring.coreos.com", "k8s.cni.cncf.io", "cert-manager.io"}

// exampleBlocks returns the YAML of the documentation, and the samples.
func exampleBlocks() []examples.Block {
	GinkgoHelper()
	blocks, err := examples.All("../..", "yaml")
	Expect(err).NotTo(HaveOccurred())
	samples, err := filepath.Glob("../../config/samples/*.yaml")
	Expect(err).NotTo(HaveOccurred())
	for _, file := range samples {
		if filepath.Base(file) == "kustomization.yaml" {
			continue
		}
		text, err := os.ReadFile(file)
		Expect(err).NotTo(HaveOccurred())
		blocks = append(blocks, examples.Block{Place: file, Language: "yaml", Text: string(text)})
	}
	slices.SortFunc(blocks, func(a, b examples.Block) int { return strings.Compare(a.Place, b.Place) })
	return blocks
}

func parseExample(place, text string) *unstructured.Unstructured {
	GinkgoHelper()
	object := &unstructured.Unstructured{}
	Expect(yaml.UnmarshalStrict([]byte(text), &object.Object)).To(Succeed(), place)
	return object
}

// mergeInto writes the fields of a fragment into an object, as a reader does who copies it.
func mergeInto(object, fragment map[string]any) {
	for name, value := range fragment {
		nested, isMap := value.(map[string]any)
		if present, ok := object[name].(map[string]any); ok && isMap {
			mergeInto(present, nested)
			continue
		}
		object[name] = value
	}
}

// basesOf returns a valid object of each kind that a fragment may belong to.
func basesOf(s *stage) []client.Object {
	at := metav1.ObjectMeta{Namespace: s.namespace, Name: "fragment"}
	pair := s.pair.DeepCopy()
	pair.ObjectMeta = at
	configuration := firewalls(s.namespace)[0].DeepCopyObject().(client.Object)
	configuration.SetName("fragment")
	configuration.SetResourceVersion("")
	configuration.SetUID("")
	return []client.Object{pair, configuration, &v1alpha1.SyncPolicy{ObjectMeta: at}}
}

// admits returns an error unless the API server would store a kind's object with the fragment in it.
func admits(ctx context.Context, base client.Object, fragment map[string]any) error {
	GinkgoHelper()
	gvk, err := admin.GroupVersionKindFor(base)
	Expect(err).NotTo(HaveOccurred())
	text, err := yaml.Marshal(base)
	Expect(err).NotTo(HaveOccurred())
	whole := &unstructured.Unstructured{}
	Expect(yaml.Unmarshal(text, &whole.Object)).To(Succeed())
	whole.SetGroupVersionKind(gvk)
	unstructured.RemoveNestedField(whole.Object, "status")
	unstructured.RemoveNestedField(whole.Object, "metadata", "managedFields")
	mergeInto(whole.Object, fragment)
	return strictly(client.NewDryRunClient(admin)).Create(ctx, whole)
}

func strictly(c client.Client) client.Client {
	return client.WithFieldValidation(c, metav1.FieldValidationStrict)
}

var _ = Describe("The examples of the documentation", func() {
	It("are admitted as they stand, and fragments within an object", func(ctx SpecContext) {
		s := newStage(ctx)
		whole, fragments := 0, 0
		for _, block := range exampleBlocks() {
			for _, text := range block.Objects() {
				object := parseExample(block.Place, text)
				switch group := object.GroupVersionKind().Group; {
				case slices.Contains(otherKinds, group):
				case object.GetAPIVersion() != "":
					whole++
					object.SetNamespace(s.namespace)
					Expect(strictly(client.NewDryRunClient(admin)).Create(ctx, object)).To(Succeed(), block.Place)
				default:
					fragments++
					var refused []error
					for _, base := range basesOf(s) {
						if err := admits(ctx, base, object.Object); err != nil {
							refused = append(refused, err)
						}
					}
					Expect(len(refused)).To(BeNumerically("<", 3), "%s is part of no kind: %v", block.Place, refused)
				}
			}
		}
		Expect(whole).To(BeNumerically(">=", 5))
		Expect(fragments).To(BeNumerically(">=", 2))
	})

	It("bring up both units of every pair", func(ctx SpecContext) {
		pairs := 0
		for _, block := range exampleBlocks() {
			if !strings.Contains(block.Text, "kind: HAPair\n") {
				continue
			}
			pairs++
			s := newStage(ctx)
			var pair *unstructured.Unstructured
			for _, object := range withReferences(block) {
				object.SetNamespace(s.namespace)
				if err := strictly(admin).Create(ctx, object); !apierrors.IsAlreadyExists(err) {
					Expect(err).NotTo(HaveOccurred(), block.Place)
				}
				if object.GetKind() == "HAPair" {
					pair = object
				}
			}
			By("starting the units of " + block.Place)
			for _, unit := range v1alpha1.Units() {
				s.eventuallyGet(ctx, pair.GetName()+"-"+string(unit), &corev1.Pod{})
			}
			seen := &v1alpha1.HAPair{}
			Eventually(func() *metav1.Condition {
				Expect(s.get(ctx, pair.GetName(), seen)).To(Succeed())
				return meta.FindStatusCondition(seen.Status.Conditions, v1alpha1.ConditionStalled)
			}).Should(And(Not(BeNil()), HaveField("Status", metav1.ConditionFalse)), block.Place)
		}
		Expect(pairs).To(BeNumerically(">=", 3))
	})
})

// withReferences returns the objects of a block, and before them what the pair refers to and other examples have.
func withReferences(block examples.Block) []*unstructured.Unstructured {
	GinkgoHelper()
	var all, own []*unstructured.Unstructured
	for _, other := range exampleBlocks() {
		if other.Place != block.Place && strings.Contains(other.Text, "kind: HAPair\n") {
			continue // it has its own version of what it refers to
		}
		for _, text := range other.Objects() {
			object := parseExample(other.Place, text)
			switch {
			case object.GroupVersionKind().Group != v1alpha1.SchemeGroupVersion.Group:
			case other.Place == block.Place:
				own = append(own, object)
			default:
				all = append(all, object)
			}
		}
	}
	// The block's own objects come first, so that its version of an object counts.
	slices.SortStableFunc(own, func(a, b *unstructured.Unstructured) int {
		return strings.Compare(a.GetKind(), b.GetKind()) // a FirewallConfiguration before the HAPair
	})
	return slices.Concat(own, all)
}
