package network

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netns"

	"github.com/hapair-io/hapair/test/cluster/internal/layout"
)

const (
	cutsTable = "hapair"
	cutsSet   = "cuts"
	// interfaceNameSize is the size of an interface name in a set, padded with zeros.
	interfaceNameSize = 16
)

// Cut separates two nodes on the node network, in both directions and for every protocol, including ARP. Both still
// reach all other nodes and keep their carrier.
type Cut struct{ A, B string }

// newCut sorts the names, so that equal cuts compare equal.
func newCut(a, b string) Cut { return Cut{A: min(a, b), B: max(a, b)} }

// createCuts makes the switch drop what goes from one port to another if the set contains that pair. There is one set
// and one rule: a cut is an element, and only the kernel records it.
func createCuts() error {
	return withTables(func(conn *nftables.Conn) error {
		tables, err := conn.ListTablesOfFamily(nftables.TableFamilyBridge)
		if err != nil {
			return fmt.Errorf("listing the switch's tables: %w", err)
		}
		if slices.ContainsFunc(tables, func(t *nftables.Table) bool { return t.Name == cutsTable }) {
			return nil
		}
		table := conn.AddTable(cutTable())
		set := cutSet()
		if err := conn.AddSet(set, nil); err != nil {
			return fmt.Errorf("adding the switch's set of cuts: %w", err)
		}
		chain := conn.AddChain(&nftables.Chain{
			Name: "forward", Table: table, Type: nftables.ChainTypeFilter,
			Hooknum: nftables.ChainHookForward, Priority: nftables.ChainPriorityFilter,
		})
		conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
			&expr.Meta{Key: expr.MetaKeyIIFNAME, Register: 1},
			&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 2},
			&expr.Lookup{SourceRegister: 1, SetName: set.Name, SetID: set.ID},
			&expr.Verdict{Kind: expr.VerdictDrop},
		}})
		return flush(conn, "installing the switch's rule for cuts")
	})
}

// AddCut separates two nodes.
func AddCut(a, b string) error { return changeCut(a, b, (*nftables.Conn).SetAddElements, true) }

// RemoveCut removes one cut.
func RemoveCut(a, b string) error { return changeCut(a, b, (*nftables.Conn).SetDeleteElements, false) }

// RemoveCuts removes every cut.
func RemoveCuts() error {
	return withTables(func(conn *nftables.Conn) error {
		conn.FlushSet(cutSet())
		return flush(conn, "removing every cut")
	})
}

// Cuts returns the cuts.
func Cuts() ([]Cut, error) {
	var cuts []Cut
	err := withTables(func(conn *nftables.Conn) error {
		elements, err := conn.GetSetElements(cutSet())
		if err != nil {
			return fmt.Errorf("reading the switch's cuts: %w", err)
		}
		for _, element := range elements {
			a, b := decodePair(element.Key)
			if cut := newCut(a, b); !slices.Contains(cuts, cut) {
				cuts = append(cuts, cut)
			}
		}
		return nil
	})
	slices.SortFunc(cuts, func(x, y Cut) int { return bytes.Compare([]byte(x.A+"\x00"+x.B), []byte(y.A+"\x00"+y.B)) })
	return cuts, err
}

type changeElements func(*nftables.Conn, *nftables.Set, []nftables.SetElement) error

func changeCut(a, b string, change changeElements, wanted bool) error {
	cuts, err := Cuts()
	if err != nil {
		return err
	}
	if slices.Contains(cuts, newCut(a, b)) == wanted {
		return nil
	}
	return withTables(func(conn *nftables.Conn) error {
		elements := []nftables.SetElement{{Key: encodePair(a, b)}, {Key: encodePair(b, a)}}
		if err := change(conn, cutSet(), elements); err != nil {
			return fmt.Errorf("changing the cut between %s and %s: %w", a, b, err)
		}
		return flush(conn, fmt.Sprintf("changing the cut between %s and %s", a, b))
	})
}

func cutTable() *nftables.Table {
	return &nftables.Table{Name: cutsTable, Family: nftables.TableFamilyBridge}
}

func cutSet() *nftables.Set {
	return &nftables.Set{
		Table: cutTable(), Name: cutsSet, Concatenation: true,
		KeyType: nftables.MustConcatSetType(nftables.TypeIFName, nftables.TypeIFName),
	}
}

func encodePair(from, to string) []byte {
	key := make([]byte, 2*interfaceNameSize)
	copy(key, from)
	copy(key[interfaceNameSize:], to)
	return key
}

func decodePair(key []byte) (from, to string) {
	if len(key) < 2*interfaceNameSize {
		return "", ""
	}
	text := func(b []byte) string { return string(bytes.TrimRight(b, "\x00")) }
	return text(key[:interfaceNameSize]), text(key[interfaceNameSize : 2*interfaceNameSize])
}

func withTables(act func(*nftables.Conn) error) error {
	ns, err := netns.GetFromName(layout.SwitchNamespace)
	if err != nil {
		return fmt.Errorf("opening network namespace %s: %w", layout.SwitchNamespace, err)
	}
	defer func() { _ = ns.Close() }()
	conn, err := nftables.New(nftables.WithNetNSFd(int(ns)))
	if err != nil {
		return fmt.Errorf("opening nftables in network namespace %s: %w", layout.SwitchNamespace, err)
	}
	return act(conn)
}

func flush(conn *nftables.Conn, what string) error {
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
