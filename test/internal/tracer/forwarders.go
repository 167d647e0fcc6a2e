package tracer

import (
	"net"
	"time"
)

// Station is the hardware address of an interface.
type Station [6]byte

func (s Station) String() string { return net.HardwareAddr(s[:]).String() }

const (
	// InFlight is how long after the first packet of the next forwarder one of the former still counts as forwarded
	// before: each went through queues of its own, and the packet left the gate some time before it was seen. It is
	// far below the time for which a stopped process, a lost message or a late timer would leave a gate open.
	InFlight = 2 * time.Millisecond
	// Settled is the shortest time for which a unit may be the forwarder. Two changes that follow each other faster
	// than any takeover could are no takeovers: both units forward at once.
	Settled = 100 * time.Millisecond
	// maxSegments bounds the memory. Units that forward by turns fill it within a second; it has then been seen.
	maxSegments = 256
)

// Segment is a time in which all packets came from one station.
type Segment struct {
	Station     Station
	First, Last time.Time
	Packets     uint64
	// Late counts the packets that were seen after the next segment's first one, and LateBy is by how much at most; it
	// does not exceed InFlight, since a packet later than that begins a segment.
	Late   uint64
	LateBy time.Duration
}

// Forwarders is the sequence of those who forwarded. The zero value is an empty one.
type Forwarders struct {
	segments []Segment
	omitted  uint64
}

// Observe notes one packet. Packets are observed in the order in which they arrived.
func (f *Forwarders) Observe(station Station, at time.Time) {
	n := len(f.segments)
	if n > 0 && f.segments[n-1].Station == station {
		last := &f.segments[n-1]
		last.Last = at
		last.Packets++
		return
	}
	if n > 1 && f.segments[n-2].Station == station {
		if by := at.Sub(f.segments[n-1].First); by <= InFlight {
			former := &f.segments[n-2]
			former.Packets++
			former.Late++
			former.LateBy = max(former.LateBy, by)
			return
		}
	}
	if n == maxSegments {
		f.omitted++
		return
	}
	f.segments = append(f.segments, Segment{Station: station, First: at, Last: at, Packets: 1})
}

// Segments are who forwarded, in order, without overlap.
func (f *Forwarders) Segments() []Segment { return append([]Segment(nil), f.segments...) }

// Omitted counts the packets that were not noted for lack of memory; with any, the Segments are not all there were.
func (f *Forwarders) Omitted() uint64 { return f.omitted }
