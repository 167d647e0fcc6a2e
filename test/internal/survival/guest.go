package survival

import (
	"github.com/hapair-io/hapair/test/internal/endurance"
	"github.com/hapair-io/hapair/test/namespace"
)

// guest adds a host to the network of another one. It has no address, and its interface lan0 is down.
func (s *started) guest(beside endurance.Namespace, name string) (endurance.Namespace, error) {
	name = "hapair-" + name
	if err := namespace.Delete(name); err != nil { // One may be left of a run that was killed.
		return "", err
	}
	if err := namespace.Create(name); err != nil {
		return "", err
	}
	s.atEnd(func() { _ = namespace.Delete(name) })
	_, err := command(beside, "ip link add link eth0 name lan0 netns "+name+" type macvlan mode bridge")
	return endurance.Namespace(namespace.Named(name)), err
}
