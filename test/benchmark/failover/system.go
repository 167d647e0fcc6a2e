package failover

import "encoding/json"

// system is one way to run a pair of routers as active and standby.
type system interface {
	// start starts it on both routers. It returns when the primary forwards, and the secondary is ready to take over.
	start()
	// redundant fails unless the primary forwards and the secondary could take over now.
	redundant() error
	// replicated is how many connections the secondary has been told of, as far as can be seen.
	replicated() (int, error)
	// told is what the system reports of its last takeover; nil when it reports nothing.
	told() json.RawMessage
	// stop asks the system on a router to stop in order.
	stop(r *router)
}
