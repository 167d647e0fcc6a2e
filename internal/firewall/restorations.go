package firewall

import (
	"time"

	"github.com/go-logr/logr"
)

const (
	// restorePause is the least time between two restorations. Another program that changes the table again and again
	// then costs a bounded part of a processor.
	restorePause = 50 * time.Millisecond
	// retryPause is the time after which a document is applied again that the kernel refused.
	retryPause = time.Second
	// restoreLogInterval is the least time between two log lines about restorations.
	restoreLogInterval = time.Second
)

// restorations bounds how often the ruleset is restored, and how often that is logged.
type restorations struct {
	// next is when the next restoration may begin, logged when the last one was logged, and silent how many were not.
	next, logged time.Time
	silent       int
}

// wait returns how long the next restoration has to wait.
func (r *restorations) wait() time.Duration { return time.Until(r.next) }

// done records a restoration that began at an instant. A large ruleset takes long, and then the pause is as long.
func (r *restorations) done(begun time.Time) {
	r.next = time.Now().Add(max(restorePause, time.Since(begun)))
}

// log logs why a ruleset is restored.
func (r *restorations) log(log logr.Logger, reason error, document string) {
	if time.Since(r.logged) < restoreLogInterval {
		r.silent++
		return
	}
	log.Error(reason, "Restoring ruleset", "document", document, "unlogged", r.silent)
	r.logged, r.silent = time.Now(), 0
}
