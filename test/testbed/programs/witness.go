package programs

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
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/resources"
)

const (
	pairName      = "edge"
	pairNamespace = "site"
)

// initialEventsEnd marks the event after which a watch has sent everything that existed at its start.
const initialEventsEnd = `{"type":"BOOKMARK","object":{"apiVersion":"v1","kind":"Pod","metadata":` +
	`{"resourceVersion":"1","annotations":{"k8s.io/initial-events-end":"true"}}}}` + "\n"

// conflict is the answer to a write on top of an older version.
const conflict = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","code":409}`

// Witness is as much of an API server as the units of one pair need.
type Witness struct {
	t testing.TB

	mu    sync.Mutex
	lease coordinationv1.Lease
	// changed is closed at the next change of the Lease.
	changed chan struct{}
	// pods are the addresses of the pods, by name.
	pods map[string]string
	// statuses are what the units have reported, by the name of their HAUnit.
	statuses map[string][]contract.UnitStatus
}

// NewWitness returns a server with an empty Lease and no pods.
func NewWitness(t testing.TB) *Witness {
	return &Witness{
		t: t, changed: make(chan struct{}), pods: map[string]string{}, statuses: map[string][]contract.UnitStatus{},
		lease: coordinationv1.Lease{
			TypeMeta:   metav1.TypeMeta{APIVersion: "coordination.k8s.io/v1", Kind: "Lease"},
			ObjectMeta: metav1.ObjectMeta{Name: pairName, Namespace: pairNamespace, ResourceVersion: "1"},
		},
	}
}

// addPod adds the pod of a unit.
func (w *Witness) addPod(unit v1alpha1.Unit, address string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pods[resources.UnitName(pairName, unit)] = address
}

// ServeHTTP answers the requests of the units.
func (w *Witness) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	answer.Header().Set("Content-Type", "application/json")
	isWatch := request.URL.Query().Get("watch") != ""
	switch isOfPods := strings.HasSuffix(request.URL.Path, "/pods"); {
	case isOfPods && isWatch:
		w.watchPods(answer, request)
	case isOfPods:
		w.listPods(answer, request)
	case isWatch:
		w.watchLease(answer, request)
	case strings.Contains(request.URL.Path, "/haunits/"):
		w.serveUnit(answer, request)
	default:
		w.serveLease(answer, request)
	}
}

// pod returns the pod that a request names, if it exists.
func (w *Witness) pod(request *http.Request) (pod corev1.Pod, exists bool) {
	_, name, _ := strings.Cut(request.URL.Query().Get("fieldSelector"), "metadata.name=")
	w.mu.Lock()
	defer w.mu.Unlock()
	address, exists := w.pods[name]
	return corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: pairNamespace, ResourceVersion: "1"},
		Status:     corev1.PodStatus{PodIP: address},
	}, exists
}

func (w *Witness) listPods(answer http.ResponseWriter, request *http.Request) {
	list := corev1.PodList{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, ListMeta: metav1.ListMeta{ResourceVersion: "1"},
	}
	if pod, exists := w.pod(request); exists {
		list.Items = append(list.Items, pod)
	}
	_ = json.NewEncoder(answer).Encode(list)
}

// watchPods sends the pod, which does not change.
func (w *Witness) watchPods(answer http.ResponseWriter, request *http.Request) {
	if pod, exists := w.pod(request); exists {
		_ = json.NewEncoder(answer).Encode(map[string]any{"type": "ADDED", "object": pod})
	}
	if request.URL.Query().Get("sendInitialEvents") == "true" {
		_, _ = answer.Write([]byte(initialEventsEnd))
	}
	_ = http.NewResponseController(answer).Flush()
	<-request.Context().Done()
}

// watchLease sends the Lease as it is, and after each change.
func (w *Witness) watchLease(answer http.ResponseWriter, request *http.Request) {
	for {
		w.mu.Lock()
		lease, changed := w.lease, w.changed
		w.mu.Unlock()
		_ = json.NewEncoder(answer).Encode(map[string]any{"type": "MODIFIED", "object": lease})
		_ = http.NewResponseController(answer).Flush()
		select {
		case <-request.Context().Done():
			return
		case <-changed:
		}
	}
}

func (w *Witness) serveUnit(answer http.ResponseWriter, request *http.Request) {
	if request.Method == http.MethodPatch {
		var unit struct{ Status contract.UnitStatus }
		if err := json.NewDecoder(request.Body).Decode(&unit); err != nil {
			w.t.Errorf("the status of the unit: %v", err)
		}
		_, name, _ := strings.Cut(request.URL.Path, "/haunits/")
		name, _, _ = strings.Cut(name, "/")
		w.mu.Lock()
		w.statuses[name] = append(w.statuses[name], unit.Status)
		w.mu.Unlock()
	}
	_, _ = answer.Write([]byte(`{}`))
}

func (w *Witness) serveLease(answer http.ResponseWriter, request *http.Request) {
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
			_, _ = answer.Write([]byte(conflict))
			return
		}
		version, _ := strconv.Atoi(lease.ResourceVersion)
		lease.ResourceVersion, lease.TypeMeta = strconv.Itoa(version+1), w.lease.TypeMeta
		w.lease = lease
		close(w.changed)
		w.changed = make(chan struct{})
	}
	_ = json.NewEncoder(answer).Encode(w.lease)
}

// Reports are what one unit has reported in its HAUnit.
type Reports struct {
	witness *Witness
	name    string
}

// reports returns those of a unit.
func (w *Witness) reports(unit v1alpha1.Unit) Reports {
	return Reports{witness: w, name: resources.UnitName(pairName, unit)}
}

// Status returns the last one.
func (r Reports) Status() contract.UnitStatus {
	all := r.Since(0)
	if len(all) == 0 {
		return contract.UnitStatus{}
	}
	return all[len(all)-1]
}

// Count returns how many there are.
func (r Reports) Count() int { return len(r.Since(0)) }

// Since returns those after the first count.
func (r Reports) Since(count int) []contract.UnitStatus {
	r.witness.mu.Lock()
	defer r.witness.mu.Unlock()
	return slices.Clone(r.witness.statuses[r.name][count:])
}
