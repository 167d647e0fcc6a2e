package class

import "time"

// RefreshInterval is the time between two calls of Sink.Refresh on a standby. A sink that gives entries a lifetime
// makes it several times as long.
const RefreshInterval = 24 * time.Hour
