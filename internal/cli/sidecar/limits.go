package sidecar

import (
	"context"
	"time"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/replication/engine"
)

// limitsInterval is how often the settings are read. The file is small, and polling cannot break unnoticed, as a watch
// can.
const limitsInterval = 2 * time.Second

// limits follow what the settings say of how fast state may be sent. It is the one part of them that may change while
// the unit runs; for every other the operator replaces the unit.
type limits struct {
	file string
	now  engine.Limits
	log  logr.Logger
}

// limitsOf returns how fast state may be sent.
func limitsOf(s contract.Sync) engine.Limits {
	const bytesPerKilobit = 1000 / 8
	return engine.Limits{
		RecordsPerSecond: int(s.RecordsPerSecond), BytesPerSecond: int(s.KilobitsPerSecond) * bytesPerKilobit,
	}
}

// follow sets the limits whenever they change, until the context ends. Settings that cannot be read change nothing, and
// are logged once.
func (l limits) follow(ctx context.Context, set func(engine.Limits) error) {
	ticker := time.NewTicker(limitsInterval)
	defer ticker.Stop()
	var problem string
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		wanted, err := l.read()
		if err == nil && wanted != l.now {
			l.log.Info("Changing how fast state is sent",
				"recordsPerSecond", wanted.RecordsPerSecond, "bytesPerSecond", wanted.BytesPerSecond)
			l.now, err = wanted, set(wanted)
		}
		said := problem
		problem = ""
		if err != nil {
			problem = err.Error()
		}
		if problem != "" && problem != said {
			l.log.Error(err, "Reading changed settings failed, continuing with the earlier ones", "file", l.file)
		}
	}
}

func (l limits) read() (engine.Limits, error) {
	settings, err := readSettings(l.file)
	return limitsOf(settings.Sync), err
}
