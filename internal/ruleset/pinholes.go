package ruleset

import "fmt"

// InPinhole matches packets whose source, destination and destination port are in a dynamic set. A Protocol with ports
// must precede it.
type InPinhole struct {
	Family Family
	Set    string
}

func (e InPinhole) String() string { return pinholeKey(e.Family) + " @" + e.Set }

// steps looks the three values up as one key.
func (e InPinhole) steps() []Step {
	return withFamily(e.Family, append(e.Family.loadPinhole(), InSet{e.Set})...)
}

// DestinationNATByPinhole translates the destination of a connection to the address and port that a dynamic map has for
// its source, destination and destination port. A Protocol with ports must precede it.
type DestinationNATByPinhole struct {
	Family Family
	Map    string
}

// String returns the action in nft.
func (e DestinationNATByPinhole) String() string {
	return fmt.Sprintf("dnat %s to %s map @%s", e.Family, pinholeKey(e.Family), e.Map)
}

// steps looks the address and port up.
func (e DestinationNATByPinhole) steps() []Step {
	return withFamily(e.Family, append(e.Family.loadPinhole(), MapTo{e.Map}, TranslateLoaded{e.Family})...)
}

// PinholeKey returns the types of the key of a pinhole.
func PinholeKey(f Family) []ElementType {
	return []ElementType{f.AddressType(), f.AddressType(), PortNumber}
}

// PinholeTarget returns the types of where a pinhole leads.
func PinholeTarget(f Family) []ElementType { return []ElementType{f.AddressType(), PortNumber} }

// pinholeKey returns the key in nft.
func pinholeKey(f Family) string { return fmt.Sprintf("%s saddr . %s daddr . th dport", f, f) }

// loadPinhole loads the key of a pinhole.
func (f Family) loadPinhole() []Step {
	source, destination := f.sourceHeader(), f.destinationHeader()
	return []Step{
		source,
		LoadHeaderBehind{destination, source.Length},
		LoadHeaderBehind{LoadHeader{transportHeader, 2, 2}, source.Length + destination.Length},
	}
}
