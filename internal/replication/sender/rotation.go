package sender

// rotation decides which stream sends next. Each sends as many frames in turn as its class's weight. It is not safe for
// concurrent use.
type rotation struct {
	streams []*stream // the first one is next
	left    int       // frames that the first may still send; 0 before its turn
}

// newRotation returns a rotation of streams.
func newRotation(streams []*stream) rotation {
	return rotation{streams: append([]*stream(nil), streams...)}
}

// advance ends the turn of the first stream if it has sent its share, or has nothing to send.
func (r *rotation) advance(sent bool) {
	if r.left == 0 {
		r.left = max(1, r.streams[0].class.Weight)
	}
	if r.left--; r.left > 0 && sent {
		return
	}
	r.left = 0
	first := r.streams[0]
	copy(r.streams, r.streams[1:])
	r.streams[len(r.streams)-1] = first
}
