//go:build netns

package enforcement_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/test/testbed"
)

// witness is as much of an API server as one unit needs: its Lease, its HAUnit, and no pods.
type witness struct {
	t testing.TB

	mu       sync.Mutex
	lease    coordinationv1.Lease
	statuses []contract.UnitStatus
}

const kubernetesNamespace, pairName = "site", "edge"

// newWitness serves inside a network namespace, and returns its URL there.
func newWitness(t testing.TB, n *testbed.Namespace) (w *witness, url string) {
	t.Helper()
	w = &witness{t: t, lease: coordinationv1.Lease{
		TypeMeta:   metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
		ObjectMeta: metav1.ObjectMeta{Name: pairName, Namespace: kubernetesNamespace, ResourceVersion: "1"},
	}}
	return w, n.ServeHTTP(t, "127.0.0.1:0", w)
}

// ServeHTTP answers the requests of a unit.
func (w *witness) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	answer.Header().Set("Content-Type", "application/json")
	switch {
	case request.URL.Query().Get("watch") != "":
		answer.WriteHeader(http.StatusOK)
		_ = http.NewResponseController(answer).Flush()
		<-request.Context().Done()
	case strings.HasSuffix(request.URL.Path, "/pods"):
		_, _ = answer.Write([]byte(`{"apiVersion":"v1","kind":"PodList","metadata":{"resourceVersion":"1"},"items":[]}`))
	case strings.Contains(request.URL.Path, "/haunits/"):
		w.serveUnit(answer, request)
	default:
		w.serveLease(answer, request)
	}
}

func (w *witness) serveUnit(answer http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodPatch {
		var unit struct{ Status contract.UnitStatus }
		if err := json.NewDecoder(request.Body).Decode(&unit); err != nil {
			w.t.Errorf("the status of the unit: %v", err)
		}
		w.mu.Lock()
		w.statuses = append(w.statuses, unit.Status)
		w.mu.Unlock()
	}
	_, _ = answer.Write([]byte(`{}`))
}

func (w *witness) serveLease(answer http.ResponseWriter, request *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if request.Method == http.MethodPut {
		var lease coordinationv1.Lease
		body, err := io.ReadAll(request.Body)
		if err == nil {
			_, _, err = scheme.Codecs.UniversalDeserializer().Decode(body, nil, &lease)
		}
		if err != nil {
			w.t.Errorf("the Lease: %v", err)
		}
		if lease.ResourceVersion != w.lease.ResourceVersion {
			answer.WriteHeader(http.StatusConflict)
			_, _ = answer.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`))
			return
		}
		version, _ := strconv.Atoi(lease.ResourceVersion)
		lease.ResourceVersion = strconv.Itoa(version + 1)
		lease.TypeMeta = w.lease.TypeMeta
		w.lease = lease
	}
	_ = json.NewEncoder(answer).Encode(w.lease)
}

// status returns what the unit reported last.
func (w *witness) status() contract.UnitStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.statuses) == 0 {
		return contract.UnitStatus{}
	}
	return w.statuses[len(w.statuses)-1]
}

// count returns how many statuses the unit reported, and since those after as many.
func (w *witness) count() int { return len(w.since(0)) }

func (w *witness) since(count int) []contract.UnitStatus {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.statuses[count:])
}

// wasActive reports whether the unit ever reported that it is active.
func (w *witness) wasActive() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.statuses, func(s contract.UnitStatus) bool { return s.Role == "Active" })
}
