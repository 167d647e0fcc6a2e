package queue

// order is a list of slots in their order of arrival.
type order struct{ front, back place }

// push adds a slot at the end.
func (o *order) push(a *arena, p place) {
	s := a.at(p)
	s.prev, s.next = o.back, nowhere
	if o.back == nowhere {
		o.front = p
	} else {
		a.at(o.back).next = p
	}
	o.back = p
}

// remove removes a slot.
func (o *order) remove(a *arena, p place) {
	s := a.at(p)
	if s.prev == nowhere {
		o.front = s.next
	} else {
		a.at(s.prev).next = s.next
	}
	if s.next == nowhere {
		o.back = s.prev
	} else {
		a.at(s.next).prev = s.prev
	}
}
