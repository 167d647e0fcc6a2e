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

// ForgetSources empties caches of sources in one transaction. It does nothing if the table lacks them.
func (k Kernel) ForgetSources(table string, caches []ruleset.SourceCache) error {
	err := k.change(func(conn *nftables.Conn) error {
		for _, c := range caches {
			conn.FlushSet(&nftables.Set{
				Table: &nftables.Table{Name: table, Family: nftables.TableFamilyINet}, Name: c.Name,
			})
		}
		return conn.Flush()
	})
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("emptying the caches of sources: %w", err)
	}
	return nil
}
