package lifecycle

// Event is what happens to a daemon.
//
//sumtype:decl
type Event interface{ isEvent() }

type (
	// Begin starts the daemon for the first time.
	Begin struct{}
	// Exited is the end of the process, or a start that failed.
	Exited struct{ Reason string }
	// Probed is the result of a probe. Failure is empty if the daemon answered.
	Probed struct{ Failure string }
	// Elapsed is the arrival of the time of Daemon.Due.
	Elapsed struct{}
	// Renew ends the process, so that another one is started.
	Renew struct{ Reason string }
	// Stop ends the daemon for good.
	Stop struct{}
)

func (Begin) isEvent()   {}
func (Exited) isEvent()  {}
func (Probed) isEvent()  {}
func (Elapsed) isEvent() {}
func (Renew) isEvent()   {}
func (Stop) isEvent()    {}

// Effect is what to do with a daemon.
type Effect int

const (
	// Start starts the process. An Exited follows, either at once or at the end of the process.
	Start Effect = iota
	// Probe asks the daemon whether it works. A Probed follows, unless the process ends first.
	Probe
	// Terminate sends SIGTERM to the process and its children.
	Terminate
	// Kill sends SIGKILL to them.
	Kill
	// Finish says that nothing more will be done.
	Finish
)

// Phase is what a daemon is doing.
type Phase string

const (
	// Stopped daemons have not begun, or were ended for good.
	Stopped Phase = "Stopped"
	// Starting daemons have not answered since their start.
	Starting Phase = "Starting"
	// Running daemons have answered.
	Running Phase = "Running"
	// Ending daemons were told to end.
	Ending Phase = "Ending"
	// Waiting daemons have ended, and are started again after a pause.
	Waiting Phase = "Waiting"
)
