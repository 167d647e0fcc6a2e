package failover

import "encoding/json"

// system is an implementation of an active/standby pair of routers.
type system interface {
	// start starts the system on both routers. It returns when the primary forwards and the secondary is ready.
	start()
	// redundant returns an error unless the primary forwards and the secondary is ready to take over.
	redundant() error
	// replicated returns the number of connections that the secondary has received, as far as can be seen.
	replicated() (int, error)
	// report returns the system's own report of its last takeover, or nil without one.
	report() json.RawMessage
	// stop asks the system on a router to stop gracefully.
	stop(r *router)
}
