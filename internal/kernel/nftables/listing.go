package nftables

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// errInterrupted reports that something changed while the kernel listed objects, so that the listing may lack some.
var errInterrupted = errors.New("tables changed while the kernel listed them")

// steady lists objects until nothing changed meanwhile, or until two listings are the same. A transaction about other
// objects, or about elements, counts as a change too.
func steady[T any](list func() (T, error), isSame func(T, T) bool) (T, error) {
	before, err := list()
	for attempt := 1; errors.Is(err, errInterrupted); attempt++ {
		if attempt == dumpAttempts {
			return before, fmt.Errorf("%w, at each of %d attempts; run `nft monitor` to find out which program "+
				"changes them all the time", err, dumpAttempts)
		}
		var now T
		now, err = list()
		if errors.Is(err, errInterrupted) && isSame(before, now) {
			return now, nil
		}
		before = now
	}
	return before, err
}

// The kernel lists the elements of a set in parts. A part begins after as many elements as the parts before it had, in
// the order of the hash table. The order changes when the kernel resizes the table, and a removal moves it by one. Then
// a part leaves elements out, or repeats some. The kernel does not tell: it does not set NLM_F_DUMP_INTR for elements,
// and neither a resize nor the end of an element's time changes the generation.

// maxListings bounds how often a set is listed.
const maxListings = 5

// complete lists a set at least twice, until a listing has everything that those before had and that still exists. Then
// an element is missing only if all of them left it out.
func complete(
	list func() (map[string]Element, error), find func(key string) (e Element, exists bool, err error),
) (map[string]Element, error) {
	var before map[string]Element
	for n := 1; ; n++ {
		all, err := list()
		if err != nil {
			return nil, err
		}
		leftOut := map[string]Element{}
		for key := range before {
			if _, isListed := all[key]; isListed {
				continue
			}
			e, exists, err := find(key)
			if err != nil {
				return nil, err
			}
			if exists {
				leftOut[key] = e
			}
		}
		maps.Copy(all, leftOut)
		if n > 1 && len(leftOut) == 0 || n == maxListings {
			return all, nil
		}
		before = all
	}
}

// listed is a set whose elements are asked for.
type listed struct {
	conn    *netlink.Conn
	table   string
	name    string
	timeout time.Duration
}

// list returns the elements of one listing, by their keys.
func (l listed) list() (map[string]Element, error) {
	all := map[string]Element{}
	err := dump(l.conn, unix.NFT_MSG_GETSETELEM, unix.NFPROTO_INET, inSet(l.table, l.name), func(m message) error {
		return eachElement(m, l.timeout, func(e Element) error {
			all[string(e.Key)] = e
			return nil
		})
	})
	return all, err
}

// find returns the element that has a key, and whether there is one.
func (l listed) find(key string) (found Element, exists bool, err error) {
	attributes, err := Element{Key: []byte(key)}.inSet(l.table, l.name, true)
	if err != nil {
		return Element{}, false, err
	}
	encoded, err := netlink.MarshalAttributes(attributes)
	if err != nil {
		return Element{}, false, err
	}
	answers, err := l.conn.Execute(request(unix.NFT_MSG_GETSETELEM, netlink.Request, unix.NFPROTO_INET, encoded))
	if errors.Is(err, unix.ENOENT) {
		return Element{}, false, nil
	}
	for _, m := range answers {
		if len(m.Data) > messageHeaderBytes {
			_ = eachElement(nested(m.Data[messageHeaderBytes:]), l.timeout, func(e Element) error {
				found, exists = e, true
				return nil
			})
		}
	}
	return found, exists, err
}
