package simulation

import "time"

// what an event is.
type what uint8

const (
	// onFault begins the fault of the plan with the number ref, or, where unit is set, ends what it did to that unit.
	onFault what = iota
	// onRestore ends what the fault did.
	onRestore
	// onStart begins a new life of the unit's process.
	onStart
	// onFirewall lets it look at the firewall for the first time.
	onFirewall
	// onFact tells the unit's process the fact with the number ref.
	onFact
	// onDatagram brings it a heartbeat or an acknowledgement, sealed with the key of the session number.
	onDatagram
	// onRequest brings the request with the number ref to the API server, onAnswer its answer to the client, and
	// onTimeout ends the client's patience.
	onRequest
	onAnswer
	onTimeout
	// onRequestHandled lets the operator see that a requested switchover has happened.
	onRequestHandled
	// onRelist reads the Lease for the unit's watch.
	onRelist
	// onDial lets the secondary try to connect, onPulse is the life of a session, and onFrame brings the next frame to
	// the unit's end of it.
	onDial
	onPulse
	onFrame
	// onReset tells the unit's end of the session that the other end is gone.
	onReset
	// onSnapshot ends the transfer that the unit began with the number ref.
	onSnapshot
	// onMachine lets a machine continue that was stopped, onNotice lets its process notice that, and onNoticed is when it
	// must have.
	onMachine
	onNotice
	onNoticed
	// onFlush looks how the unit's flush with the number ref stands.
	onFlush
)

// event is something that happens at an instant. Of two at one instant the one that was arranged first comes first.
type event struct {
	at     time.Duration
	order  uint32
	ref    uint32
	life   uint32
	number uint32
	what   what
	unit   uint8
}

// agenda is a heap of events.
type agenda struct {
	events []event
	order  uint32
}

func (a *agenda) clear() { a.events, a.order = a.events[:0], 0 }

// next returns when the first event is due.
func (a *agenda) next() time.Duration {
	if len(a.events) == 0 {
		return never
	}
	return a.events[0].at
}

func before(a, b *event) bool { return a.at < b.at || a.at == b.at && a.order < b.order }

func (a *agenda) add(e event) {
	a.order++
	e.order = a.order
	a.events = append(a.events, e)
	h := a.events
	i := len(h) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !before(&e, &h[parent]) {
			break
		}
		h[i] = h[parent]
		i = parent
	}
	h[i] = e
}

func (a *agenda) take() event {
	h := a.events
	first, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	a.events = h
	if len(h) == 0 {
		return first
	}
	i := 0
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if right := child + 1; right < len(h) && before(&h[right], &h[child]) {
			child = right
		}
		if !before(&h[child], &last) {
			break
		}
		h[i] = h[child]
		i = child
	}
	h[i] = last
	return first
}
