package lease

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	"k8s.io/client-go/rest"

	"github.com/hapair-io/hapair/internal/ha"
)

// Config names a Lease and bounds the requests for it.
type Config struct {
	Namespace, Name string
	// Timeout bounds every request. A third of the lease leaves room for two more before a permit ends.
	Timeout time.Duration
	// Silence is how long the watch may be silent before it is started again. A connection whose other end lost its power
	// stays silent forever.
	Silence time.Duration
	Log     logr.Logger
}

// Client reads, writes and watches one Lease. It keeps the versions that it saw last: a write carries the whole object
// and must not change what others put there.
type Client struct {
	config Config
	leases typedv1.LeaseInterface

	mu    sync.Mutex
	known []*coordinationv1.Lease
}

// remembered is how many versions the client keeps. The machine writes on top of the newest one that it saw, and the
// watch may have seen a few more since. A write on top of an older version is a conflict, which leads to a read.
const remembered = 8

// New returns a client with its own connection to the API server.
//
// The client uses HTTP/1.1. When the server dies, a request that times out closes its connection, and the next one
// opens another. On a shared HTTP/2 connection, every later request would wait for the dead connection to be detected,
// which takes longer than a permit lasts. The client has no throttle, since the machine has one request under way at
// most.
func New(rc *rest.Config, c Config) (*Client, error) {
	own := rest.CopyConfig(rc)
	own.NextProtos = []string{"http/1.1"}
	own.QPS = -1
	own.UserAgent = "hapair-sidecar"
	own.Timeout = 0 // Each request has a deadline of its own; the watch must not have one.
	transport, err := rest.HTTPClientFor(own)
	if err != nil {
		return nil, fmt.Errorf("making a connection for the lease: %w", err)
	}
	return newClient(own, transport, c)
}

func newClient(rc *rest.Config, transport *http.Client, c Config) (*Client, error) {
	typed, err := typedv1.NewForConfigAndClient(rc, transport)
	if err != nil {
		return nil, fmt.Errorf("making a client for the lease: %w", err)
	}
	return &Client{config: c, leases: typed.Leases(c.Namespace)}, nil
}

// Read returns the Lease as it is now. The outcome is Read, Absent or Unknown.
func (c *Client) Read(ctx context.Context) (ha.Outcome, ha.Record) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	l, err := c.leases.Get(ctx, c.config.Name, metav1.GetOptions{})
	switch {
	case err == nil:
		return ha.Read, c.remember(l)
	case apierrors.IsNotFound(err):
		return ha.Absent, ha.Record{}
	default:
		c.config.Log.Error(err, "Reading lease", "lease", c.config.Name)
		return ha.Unknown, ha.Record{}
	}
}

// Write replaces the version that the record names. The outcome is Written, Conflict, Absent or Unknown. It is Unknown
// unless the server states that nothing was written, since a request that failed may have been carried out. A missing
// permission is Unknown too: the next attempt costs nothing.
func (c *Client) Write(ctx context.Context, r ha.Record) (ha.Outcome, ha.Record) {
	base := c.version(r.Version)
	if base == nil {
		return ha.Conflict, ha.Record{}
	}
	wanted, err := fromRecord(r, base, time.Now())
	if err != nil {
		c.config.Log.Error(err, "Writing lease", "lease", c.config.Name)
		return ha.Unknown, ha.Record{}
	}
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	l, err := c.leases.Update(ctx, wanted, metav1.UpdateOptions{})
	switch {
	case err == nil:
		return ha.Written, c.remember(l)
	case apierrors.IsConflict(err):
		return ha.Conflict, ha.Record{}
	case apierrors.IsNotFound(err):
		return ha.Absent, ha.Record{}
	default:
		c.config.Log.Error(err, "Writing lease", "lease", c.config.Name, "holder", r.Holder, "term", r.Term)
		return ha.Unknown, ha.Record{}
	}
}

// remember keeps the version and returns its record.
func (c *Client) remember(l *coordinationv1.Lease) ha.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = append(c.known, l)
	if len(c.known) > remembered {
		c.known = c.known[1:]
	}
	return toRecord(l)
}

// version returns the Lease of that version; nil if the client does not keep it.
func (c *Client) version(v string) *coordinationv1.Lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.known {
		if l.ResourceVersion == v {
			return l
		}
	}
	return nil
}
