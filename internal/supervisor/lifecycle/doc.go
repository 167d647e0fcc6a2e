// Package lifecycle decides when a daemon is started, probed, ended and started again. It is PURE: it takes events with
// their time, and returns what to do. Package supervisor does it.
package lifecycle
