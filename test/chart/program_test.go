//go:build apiserver

package chart

import (
	"context"
	"net/http"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	authenticationv1 "k8s.io/api/authentication/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// program is a client with the rights of a pod. It records how the API server classifies its requests.
type program struct {
	client client.WithWatch
	last   class
}

// class is the classification of a request by API Priority and Fairness. It decides how long the request waits.
type class struct{ Schema, Level types.UID }

// newProgram returns a program with the token that a pod with the ServiceAccount gets.
func newProgram(ctx context.Context, config *rest.Config, admin client.Client, namespace, account string) *program {
	GinkgoHelper()
	request := &authenticationv1.TokenRequest{}
	of := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	Expect(admin.SubResource("token").Create(ctx, of, request)).To(Succeed())

	p := &program{}
	own := rest.AnonymousClientConfig(config)
	own.BearerToken = request.Status.Token
	own.Wrap(func(next http.RoundTripper) http.RoundTripper { return &recorder{next: next, program: p} })
	var err error
	p.client, err = client.NewWithWatch(own, client.Options{Scheme: newScheme()})
	Expect(err).NotTo(HaveOccurred())
	return p
}

// recorder records the class of each request that was answered.
type recorder struct {
	next    http.RoundTripper
	program *program
}

func (r *recorder) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.next.RoundTrip(request)
	if err == nil {
		r.program.last = class{
			Schema: types.UID(response.Header.Get(flowcontrolv1.ResponseHeaderMatchedFlowSchemaUID)),
			Level:  types.UID(response.Header.Get(flowcontrolv1.ResponseHeaderMatchedPriorityLevelConfigurationUID)),
		}
	}
	return response, err
}

// get makes a request and returns its class. The API server classifies a request even if it then refuses it.
func (p *program) get(ctx context.Context, object client.Object) class {
	_ = p.client.Get(ctx, client.ObjectKeyFromObject(object), object.DeepCopyObject().(client.Object))
	return p.last
}

func (p *program) update(ctx context.Context, lease *coordinationv1.Lease) class {
	GinkgoHelper()
	changed := lease.DeepCopy()
	changed.Spec.HolderIdentity = new("primary/1/2")
	Expect(p.client.Update(ctx, changed)).To(Succeed())
	return p.last
}

func (p *program) watch(ctx context.Context, lease *coordinationv1.Lease) class {
	GinkgoHelper()
	watching, err := p.client.Watch(ctx, &coordinationv1.LeaseList{},
		client.InNamespace(lease.Namespace), client.MatchingFields{"metadata.name": lease.Name})
	Expect(err).NotTo(HaveOccurred())
	watching.Stop()
	return p.last
}

// classOf returns the class of a built-in FlowSchema.
func classOf(ctx context.Context, admin client.Client, schema string) class {
	GinkgoHelper()
	builtin, level := &flowcontrolv1.FlowSchema{}, &flowcontrolv1.PriorityLevelConfiguration{}
	Expect(admin.Get(ctx, client.ObjectKey{Name: schema}, builtin)).To(Succeed())
	key := client.ObjectKey{Name: builtin.Spec.PriorityLevelConfiguration.Name}
	Expect(admin.Get(ctx, key, level)).To(Succeed())
	return class{Schema: builtin.UID, Level: level.UID}
}
