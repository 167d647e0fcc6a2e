//go:build apiserver

package operator

import (
	"context"
	"net/http"
	"strings"
	"sync"

	. "github.com/onsi/ginkgo/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/api/v1alpha1"
)

// ledger counts the requests of the operator to the API server.
type ledger struct {
	mu         sync.Mutex
	namespaces map[string]account
	used       map[right]bool
}

// account counts the requests for one namespace. Events do not count, since they change nothing. The requests of the
// caches are for the whole cluster and belong to no account.
type account struct{ reconciles, reads, writes int }

// right is what a request needs of the operator's role.
type right struct{ verb, group, resource string }

func newLedger() *ledger {
	return &ledger{namespaces: map[string]account{}, used: map[right]bool{}}
}

// in returns the present account of a namespace.
func (l *ledger) in(namespace string) account {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.namespaces[namespace]
}

// rights returns the rights that were used so far.
func (l *ledger) rights() map[right]bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	used := map[right]bool{}
	for r := range l.used {
		used[r] = true
	}
	return used
}

func (l *ledger) enter(namespace string, edit func(*account)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	changed := l.namespaces[namespace]
	edit(&changed)
	l.namespaces[namespace] = changed
}

// wrap counts each request that passes.
func (l *ledger) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		namespace, needs, ok := readRequest(request)
		if !ok {
			return next.RoundTrip(request)
		}
		if namespace != "" && needs.resource != "events" {
			l.enter(namespace, func(a *account) {
				if request.Method == http.MethodGet || request.URL.Query().Has("dryRun") {
					a.reads++
					return
				}
				a.writes++
				GinkgoWriter.Printf("write: %s %s\n", request.Method, request.URL.Path)
			})
		}
		response, err := next.RoundTrip(request)
		l.mu.Lock()
		defer l.mu.Unlock()
		l.used[needs] = true
		if err == nil && needs.verb == "patch" && response.StatusCode == http.StatusCreated {
			// Applying an object that does not exist needs this right too.
			l.used[right{"create", needs.group, needs.resource}] = true
		}
		return response, err
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// readRequest returns what the API server's authorizer reads in a request; not ok if the request is for no resource.
func readRequest(request *http.Request) (namespace string, needs right, ok bool) {
	path := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	switch {
	case len(path) > 2 && path[0] == "api":
		path = path[2:]
	case len(path) > 3 && path[0] == "apis":
		needs.group, path = path[1], path[3:]
	default:
		return "", right{}, false
	}
	if len(path) > 2 && path[0] == "namespaces" {
		namespace, path = path[1], path[2:]
	}
	needs.resource = path[0]
	if len(path) > 2 {
		needs.resource += "/" + path[2]
	}
	switch request.Method {
	case http.MethodGet:
		needs.verb = "get"
		if len(path) == 1 {
			needs.verb = "list"
		}
		if watch := request.URL.Query().Get("watch"); watch == "true" || watch == "1" {
			needs.verb = "watch"
		}
	case http.MethodPost:
		needs.verb = "create"
	case http.MethodPut:
		needs.verb = "update"
	default:
		needs.verb = strings.ToLower(request.Method)
	}
	return namespace, needs, true
}

// counting counts the reconciles of each pair. A reconcile begins when it reads the pair.
type counting struct {
	client.Client
	ledger *ledger
}

func (c counting) Get(
	ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption,
) error {
	if _, pair := object.(*v1alpha1.HAPair); pair {
		c.ledger.enter(key.Namespace, func(a *account) { a.reconciles++ })
	}
	return c.Client.Get(ctx, key, object, options...)
}
