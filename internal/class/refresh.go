package class

import "time"

// RefreshInterval is how often the engine has a standby's entries refreshed. A sink that gives entries a life of their
// own makes it last several times as long.
const RefreshInterval = 24 * time.Hour
