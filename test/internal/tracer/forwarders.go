package tracer

import (
	"net"
	"time"
)

// Station is the hardware address of an interface.
type Station [6]byte

func (s Station) String() string { return net.HardwareAddr(s[:]).String() }

const (
	// InFlight is how long packets of the previous forwarder may arrive after the first packet of the next one. Each
	// packet goes through queues of its own and left the gate some time before it was recorded. A stopped process, a lost
	// message or a late timer would leave a gate open for much longer.
	InFlight = 2 * time.Millisecond
	// Settled is the shortest time for which a unit may forward. Two changes that follow each other faster are not
	// takeovers: both units forward at once.
	Settled = 100 * time.Millisecond
	// maxSegments bounds the memory. Units that forward alternately fill it within a second, which is enough to detect
	// them.
	maxSegments = 256
)

// Segment is a period in which all packets came from one station.
type Segment struct {
	Station     Station
	First, Last time.Time
	Packets     uint64
	// Late counts the packets that arrived after the first one of the next segment. LateBy is the longest such delay. It
	// does not exceed InFlight, because a later packet begins a new segment.
	Late   uint64
	LateBy time.Duration
}

// Forwarders is the sequence of stations that forwarded. The zero value is empty.
type Forwarders struct {
	segments []Segment
	omitted  uint64
}

// Observe records one packet. Call it in the order of arrival.
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

// Segments returns which stations forwarded, in order, without overlap.
func (f *Forwarders) Segments() []Segment { return append([]Segment(nil), f.segments...) }

// Omitted returns the number of packets that were not recorded because of the bound. If it is not zero, Segments is
// incomplete.
func (f *Forwarders) Omitted() uint64 { return f.omitted }
