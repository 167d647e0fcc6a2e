package nftables

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// builder adds the messages of one transaction to a connection.
type builder struct {
	conn  *nftables.Conn
	table *nftables.Table
	sets  map[string]*nftables.Set
	// queueForm is the form of the rules with a queue.
	queueForm queueForm
}

// elementsPerMessage keeps a list of elements within the 64 KiB limit of an attribute.
const elementsPerMessage = 1000

// content is a set or map with its elements.
type content struct {
	name       string
	key        nftables.SetDatatype
	isInterval bool
	elements   []nftables.SetElement
	// values is the type of a map's values.
	values *nftables.SetDatatype
	// isJoined is set if the key consists of two values.
	isJoined bool
	// isCache is set if rules add elements, which the kernel forgets after a while.
	isCache bool
	// isDynamic is set if programs add elements too.
	isDynamic bool
	// timeout and size are those of a set whose elements are not part of the ruleset.
	timeout time.Duration
	size    uint32
}

// allSets returns the sets and maps of a ruleset.
func allSets(r ruleset.Ruleset) []content {
	all := allDynamic(r)
	for _, s := range r.InterfaceSets {
		all = append(all, content{name: s.Name, key: nftables.TypeIFName, elements: interfaceElements(s.Interfaces)})
	}
	for _, s := range r.AddressSets {
		key := nftables.TypeIPAddr
		if s.Family == ruleset.IPv6 {
			key = nftables.TypeIP6Addr
		}
		all = append(all, content{name: s.Name, key: key, isInterval: true, elements: addressElements(runsOf(s))})
	}
	for _, s := range r.PortSets {
		all = append(all, content{
			name: s.Name, key: nftables.TypeInetService, isInterval: true, elements: portElements(s.Runs),
		})
	}
	return slices.Concat(all, allMaps(r), allCaches(r))
}

// addSets adds the sets of a ruleset that are not kept.
func (b *builder) addSets(r ruleset.Ruleset, kept map[string]bool) error {
	for _, s := range allSets(r) {
		if kept[s.name] {
			b.sets[s.name] = &nftables.Set{Table: b.table, Name: s.name}
			continue
		}
		if err := b.addSet(s); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) addSet(s content) error {
	set := &nftables.Set{
		Table: b.table, Name: s.name, KeyType: s.key, Interval: s.isInterval, Concatenation: s.isJoined,
	}
	if s.values != nil {
		set.IsMap, set.DataType = true, *s.values
	}
	if !s.isInterval {
		// The kernel ignores this, but without it nft prints interface names as empty.
		set.KeyByteOrder = binaryutil.NativeEndian
	}
	if s.isDynamic && s.key.Name != nftables.TypeIFName.Name && s.key.Name != nftables.TypeInteger.Name {
		// People add elements with nft, which writes them in this order.
		set.KeyByteOrder = binaryutil.BigEndian
	}
	set.Dynamic, set.HasTimeout = s.isCache, s.isCache || s.isDynamic
	set.Timeout, set.Size = s.timeout, s.size
	b.sets[s.name] = set
	if err := b.conn.AddSet(set, nil); err != nil {
		return err
	}
	for chunk := range slices.Chunk(s.elements, elementsPerMessage) {
		if err := b.conn.SetAddElements(set, chunk); err != nil {
			return err
		}
	}
	return nil
}

func interfaceElements(names []string) (elements []nftables.SetElement) {
	for _, name := range names {
		elements = append(elements, nftables.SetElement{Key: interfaceName(name)})
	}
	return elements
}

// interfaceName returns a name in the form that the kernel compares: IFNAMSIZ bytes, padded with zeros.
func interfaceName(name string) []byte {
	padded := make([]byte, 16)
	copy(padded, name)
	return padded
}

// An interval set holds the first value of each range, and the first value after the range with an end mark. A range
// that ends with the largest value has no end mark.

func addressElements(runs []ruleset.AddressRun) (elements []nftables.SetElement) {
	for _, run := range runs {
		elements = append(elements, nftables.SetElement{Key: run.First.AsSlice()})
		if end := run.Last.Next(); end.IsValid() {
			elements = append(elements, nftables.SetElement{Key: end.AsSlice(), IntervalEnd: true})
		}
	}
	return elements
}

func portElements(runs []ruleset.PortRun) (elements []nftables.SetElement) {
	for _, run := range runs {
		elements = append(elements, nftables.SetElement{Key: port(run.First)})
		if end := run.Last + 1; end != 0 {
			elements = append(elements, nftables.SetElement{Key: port(end), IntervalEnd: true})
		}
	}
	return elements
}

func port(number uint16) []byte { return binary.BigEndian.AppendUint16(nil, number) }
