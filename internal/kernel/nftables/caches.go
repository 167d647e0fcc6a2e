package nftables

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// allCaches returns the caches of sources of a ruleset.
func allCaches(r ruleset.Ruleset) (all []content) {
	for _, c := range r.SourceCaches {
		address := nftables.TypeIPAddr
		if c.Family == ruleset.IPv6 {
			address = nftables.TypeIP6Addr
		}
		key := nftables.MustConcatSetType(nftables.TypeIFIndex, address)
		all = append(all, content{
			name: c.Name, key: key, isJoined: true, isCache: true,
			timeout: ruleset.SourceCacheLifetime, size: ruleset.SourceCacheSize,
		})
	}
	return all
}

// ForgetSources empties caches of sources in one transaction. It returns false if it made no transaction, because the
// table lacks the caches or is gone.
func (k Kernel) ForgetSources(table string, caches []ruleset.SourceCache) (done bool, err error) {
	err = k.change(func(conn *nftables.Conn) error {
		for _, c := range caches {
			conn.FlushSet(&nftables.Set{
				Table: &nftables.Table{Name: table, Family: nftables.TableFamilyINet}, Name: c.Name,
			})
		}
		return conn.Flush()
	})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.ENOENT):
		return false, nil
	default:
		return false, fmt.Errorf("emptying the caches of sources: %w", err)
	}
}
