package lease

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"go.uber.org/goleak"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/hapair-io/hapair/internal/ha"
)

func TestMain(m *testing.M) {
	// ginkgo, which runs the specs against a real API server in this package, leaves its signal handler behind.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction(
		"github.com/onsi/ginkgo/v2/internal/interrupt_handler.(*InterruptHandler).registerForInterrupts.func2"))
}

// server answers every request with the handler, until the test ends.
func server(t *testing.T, timeout time.Duration, handler http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	c, err := New(&rest.Config{Host: s.URL}, Config{
		Namespace: "shop", Name: "edge", Timeout: timeout, Silence: timeout, Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body)
}

func status(code int, reason metav1.StatusReason) metav1.Status {
	return metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason,
	}
}

func edge(version string) *coordinationv1.Lease {
	return &coordinationv1.Lease{
		TypeMeta:   metav1.TypeMeta{Kind: "Lease", APIVersion: "coordination.k8s.io/v1"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "edge", ResourceVersion: version},
	}
}

// An outcome is Unknown unless the server states that nothing was written.
func TestOutcomes(t *testing.T) {
	for name, test := range map[string]struct {
		code        int
		reason      metav1.StatusReason
		read, write ha.Outcome
	}{
		"conflict":          {409, metav1.StatusReasonConflict, ha.Unknown, ha.Conflict},
		"absent":            {404, metav1.StatusReasonNotFound, ha.Absent, ha.Absent},
		"forbidden":         {403, metav1.StatusReasonForbidden, ha.Unknown, ha.Unknown},
		"storage timed out": {500, metav1.StatusReasonInternalError, ha.Unknown, ha.Unknown},
		"gateway":           {502, metav1.StatusReasonUnknown, ha.Unknown, ha.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			c := server(t, time.Second, func(w http.ResponseWriter, r *http.Request) {
				reply(w, test.code, status(test.code, test.reason))
			})
			c.remember(edge("7"))
			if got, _ := c.Read(t.Context()); got != test.read {
				t.Errorf("read: %s instead of %s", got, test.read)
			}
			if got, _ := c.Write(t.Context(), ha.Record{Version: "7", Holder: "me"}); got != test.write {
				t.Errorf("write: %s instead of %s", got, test.write)
			}
		})
	}
}

// A request to a server that does not answer times out, and the next request uses another connection.
func TestDeadConnection(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			<-release
			return
		}
		reply(w, http.StatusOK, edge("7"))
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(release) })
	c, err := New(&rest.Config{Host: s.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, Config{
		Namespace: "shop", Name: "edge", Timeout: 200 * time.Millisecond, Silence: time.Second, Log: logr.Discard(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Read(t.Context()); got != ha.Read {
		t.Fatalf("read: %s", got)
	}
	began := time.Now()
	if got, _ := c.Write(t.Context(), ha.Record{Version: "7", Holder: "me"}); got != ha.Unknown {
		t.Errorf("write: %s", got)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("gave up after %s", took)
	}
	if got, _ := c.Read(t.Context()); got != ha.Read {
		t.Errorf("read on a new connection: %s", got)
	}
}

// A version that the client does not keep cannot be replaced: the caller must read.
func TestForgottenVersion(t *testing.T) {
	c := server(t, time.Second, func(w http.ResponseWriter, r *http.Request) { t.Error("asked the server") })
	for range remembered {
		c.remember(edge("8"))
	}
	if got, _ := c.Write(t.Context(), ha.Record{Version: "7"}); got != ha.Conflict {
		t.Errorf("write: %s", got)
	}
}

// A silent watch is started again, and begins with a read.
func TestSilentWatch(t *testing.T) {
	reads := make(chan struct{}, 16)
	c := server(t, 100*time.Millisecond, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			reply(w, http.StatusOK, edge("7"))
			return
		}
		if got := r.URL.Query().Get("fieldSelector"); got != "metadata.name=edge" {
			t.Errorf("watching %q", got)
		}
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.Watch(ctx, func(ha.Record) { reads <- struct{}{} })
	}()
	for range 3 {
		select {
		case <-reads:
		case <-time.After(10 * time.Second):
			t.Fatal("the watch was not started again")
		}
	}
	cancel()
	<-done
}
