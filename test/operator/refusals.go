//go:build apiserver

package operator

import (
	"context"
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// labelRefuse is the label of a namespace in which the operator may not write the kind of object that it names.
const labelRefuse = "test.hapair.io/refuse"

// refusing makes the API server refuse what the operator writes of a resource, in the namespaces whose label
// labelRefuse names it. A policy may choose its reason.
func refusing(ctx context.Context, group, resource string, reason metav1.StatusReason) {
	GinkgoHelper()
	name := "refuse-" + resource
	if reason != metav1.StatusReasonInvalid {
		name += "-otherwise"
	}
	rule := admissionregistrationv1.RuleWithOperations{
		Operations: []admissionregistrationv1.OperationType{"CREATE", "UPDATE"},
		Rule: admissionregistrationv1.Rule{
			APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{resource},
		},
	}
	policy := &admissionregistrationv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionregistrationv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{labelRefuse: name}},
				ResourceRules:     []admissionregistrationv1.NamedRuleWithOperations{{RuleWithOperations: rule}},
			},
			// Units and kubelets go on writing.
			MatchConditions: []admissionregistrationv1.MatchCondition{{
				Name: "operator", Expression: `request.userInfo.username == "hapair-manager"`,
			}},
			Validations: []admissionregistrationv1.Validation{{
				Expression: "false", Message: "no " + resource + " here", Reason: &reason,
			}},
		},
	}
	Expect(client.IgnoreAlreadyExists(admin.Create(ctx, policy))).To(Succeed())
	Expect(client.IgnoreAlreadyExists(admin.Create(ctx, &admissionregistrationv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName:        name,
			ValidationActions: []admissionregistrationv1.ValidationAction{admissionregistrationv1.Deny},
		},
	}))).To(Succeed())
}

// label sets a label of the stage's namespace; an empty value removes it.
func (s *stage) label(ctx context.Context, name, value string) {
	GinkgoHelper()
	namespace := &corev1.Namespace{}
	Expect(admin.Get(ctx, client.ObjectKey{Name: s.namespace}, namespace)).To(Succeed())
	delete(namespace.Labels, name)
	if value != "" {
		namespace.Labels[name] = value
	}
	Expect(admin.Update(ctx, namespace)).To(Succeed())
}

// asOperator returns a client with the rights of the operator. Nothing that it writes is stored.
func asOperator() client.Client {
	GinkgoHelper()
	acting, err := client.New(managerConfig, client.Options{Scheme: admin.Scheme(), Mapper: admin.RESTMapper()})
	Expect(err).NotTo(HaveOccurred())
	return client.NewDryRunClient(acting)
}

// eventuallyRefuses waits until the API server refuses what it is asked to admit. It learns of policies, quotas and
// labels of namespaces some time after they are written.
func eventuallyRefuses(try func() error) {
	GinkgoHelper()
	Eventually(try).Should(HaveOccurred())
}

// eventuallyAdmits waits for the opposite.
func eventuallyAdmits(try func() error) {
	GinkgoHelper()
	Eventually(try).Should(Succeed())
}

// described returns how the messages of the operator name an object of the stage.
func (s *stage) described(kind, name string) string {
	return fmt.Sprintf("%s %s/%s", kind, s.namespace, name)
}

// awaitGone waits until the manager's cache no longer has an object.
func (h *byHand) awaitGone(ctx context.Context, object client.Object) {
	GinkgoHelper()
	gone := object.DeepCopyObject().(client.Object) //nolint:forcetypeassert // A copy has the same type.
	Eventually(func() bool {
		return apierrors.IsNotFound(h.life.seen.Get(ctx, client.ObjectKeyFromObject(object), gone))
	}).Should(BeTrue())
}
