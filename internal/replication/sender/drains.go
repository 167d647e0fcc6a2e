package sender

import "slices"

// drain waits until the source has returned everything that happened before a request.
type drain struct {
	request uint64 // of class.Watch; 0 if the source is not watched
	done    chan struct{}
}

// drains are those that wait.
type drains []drain

// add adds a drain, and returns a channel that is closed when it is done.
func (d *drains) add(request uint64) <-chan struct{} {
	done := make(chan struct{})
	*d = append(*d, drain{request: request, done: done})
	return done
}

// finish ends the drains with a request up to last.
func (d *drains) finish(last uint64) {
	*d = slices.DeleteFunc(*d, func(d drain) bool {
		if d.request > last {
			return false
		}
		close(d.done)
		return true
	})
}
