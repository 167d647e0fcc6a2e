package supervisor

import (
	"fmt"
	"strings"

	"github.com/hapair-io/hapair/internal/supervisor/lifecycle"
)

// Report is the state of a container's daemons.
type Report struct {
	Daemons []DaemonReport `json:"daemons"`
}

// DaemonReport is the state of one daemon.
type DaemonReport struct {
	Name  string          `json:"name"`
	Phase lifecycle.Phase `json:"phase"`
	// Seconds is for how long the daemon has been in the phase.
	Seconds float64 `json:"seconds"`
	// Restarts counts how often the daemon was started again.
	Restarts int `json:"restarts"`
	// LastExit is why the daemon ended the last time.
	LastExit string `json:"lastExit,omitempty"`
	// Silence is why the daemon did not answer the last probe; empty if it did.
	Silence string `json:"silence,omitempty"`
	// Detail is what the daemon does, and Fault what is wrong although it answers.
	Detail string `json:"detail,omitempty"`
	Fault  string `json:"fault,omitempty"`
}

// Unhealthy returns what is wrong; empty if every daemon runs without a fault.
func (r Report) Unhealthy() string {
	var wrong []string
	for _, d := range r.Daemons {
		if d.Phase == lifecycle.Running {
			if d.Fault != "" {
				wrong = append(wrong, d.Name+": "+d.Fault)
			}
			continue
		}
		text := fmt.Sprintf("%s is %s", d.Name, strings.ToLower(string(d.Phase)))
		if d.LastExit != "" {
			text += " after: " + d.LastExit
		}
		if d.Silence != "" {
			text += ", no answer: " + d.Silence
		}
		wrong = append(wrong, text)
	}
	return strings.Join(wrong, "; ")
}
