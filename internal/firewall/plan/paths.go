package plan

import (
	"hash/fnv"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/ruleset"
)

// The mark of a connection is the path on which its first packet came, its link to the Internet, and whether a change
// of the document leaves it alone. The kernel keeps none of these otherwise. A mark is replicated with its connection.
const (
	// MarkKeep is set for connections that a policy with onChange Keep accepted.
	MarkKeep uint32 = 1 << 31
	// markPath has the bits that identify the path.
	markPath = (MarkKeep - 1) &^ contract.LinkMask
)

// Names of the maps from paths to marks.
const (
	mapPaths    = "paths"
	mapArrivals = "arrivals"
)

// PathMark returns the mark of connections from one interface to another, or to the unit itself if out is empty. It
// depends on the names alone, so that it means the same on both units and under every document.
func PathMark(in, out string) uint32 {
	return max(hash(in+"/"+out)&markPath, 1)
}

// hash returns a hash of a text that is the same on both units and in all versions.
func hash(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text)) // A hash accepts everything.
	return h.Sum32()
}

// addPaths adds the maps from the paths of new connections to their marks.
func (c *compiler) addPaths() {
	paths, arrivals := ruleset.PathMap{Name: mapPaths}, ruleset.PathMap{Name: mapArrivals, ToUnit: true}
	interfaces := c.result.InterfaceSets[0].Interfaces
	for _, in := range interfaces {
		arrivals.Paths = append(arrivals.Paths, ruleset.Path{In: in, Mark: PathMark(in, "")})
		for _, out := range interfaces {
			paths.Paths = append(paths.Paths, ruleset.Path{In: in, Out: out, Mark: PathMark(in, out)})
		}
	}
	c.result.PathMaps = []ruleset.PathMap{paths, arrivals}
}
