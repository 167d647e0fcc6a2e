package nftables

import (
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// trialTable is the table in which the kernel is asked for helpers. The transaction that adds it deletes it.
const trialTable = "hapair-trial"

func (b *builder) addHelpers(helpers []ruleset.Helper) {
	for _, h := range helpers {
		b.conn.AddObj(&nftables.NamedObj{
			Table: b.table, Name: h.Name, Type: nftables.ObjTypeCtHelper,
			// L3Proto 0 stands for both families in a table of the family inet.
			Obj: &expr.CtHelper{Name: h.Type, L4Proto: uint8(h.Protocol)},
		})
	}
}

// FTPTrialTable is the table of a trial that lasts some milliseconds, on the loopback interface alone. Package ftptrial
// has its rules.
const FTPTrialTable = "hapair-ftp-trial"

// MissingHelpers returns those of the helpers that the kernel does not have. It loads their modules where it can.
func (k Kernel) MissingHelpers(helpers []ruleset.Helper) (missing []ruleset.Helper, err error) {
	for _, h := range helpers {
		err := k.change(func(conn *nftables.Conn) error {
			b := builder{conn: conn, table: &nftables.Table{Name: trialTable, Family: nftables.TableFamilyINet}}
			conn.AddTable(b.table)
			b.addHelpers([]ruleset.Helper{h})
			conn.DelTable(b.table)
			return conn.Flush()
		})
		switch {
		case errors.Is(err, unix.ENOENT):
			missing = append(missing, h)
		case err != nil:
			return nil, fmt.Errorf("asking the kernel for the connection tracking helper %q: %w", h.Type, err)
		}
	}
	return missing, nil
}

// Helpers returns the names of the helpers in a table. It is empty if the table does not exist.
func (k Kernel) Helpers(table string) (names []string, err error) {
	err = k.ask(func(conn *netlink.Conn) error {
		return settled(conn, func() error {
			names = nil
			c := comparison{conn: conn, want: ruleset.Ruleset{Table: table}}
			err := c.list(unix.NFT_MSG_GETOBJ, func(m message) error {
				if m.number(unix.NFTA_OBJ_TYPE) == unix.NFT_OBJECT_CT_HELPER {
					names = append(names, m.text(unix.NFTA_OBJ_NAME))
				}
				return nil
			})
			if errors.Is(err, ErrAltered) {
				return nil
			}
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing the helpers of table inet %s: %w", table, err)
	}
	return names, nil
}

// helpers compares the objects of the table, all of which are helpers.
func (c *comparison) helpers() error {
	wanted := map[string]ruleset.Helper{}
	for _, h := range c.want.Helpers {
		wanted[h.Name] = h
	}
	err := c.list(unix.NFT_MSG_GETOBJ, func(m message) error {
		name := m.text(unix.NFTA_OBJ_NAME)
		h, ok := wanted[name]
		data := nested(m.get(unix.NFTA_OBJ_DATA))
		protocol := data.get(unix.NFTA_CT_HELPER_L4PROTO)
		switch {
		case !ok:
			return c.altered("has object %s, which was not applied", name)
		case m.number(unix.NFTA_OBJ_TYPE) != unix.NFT_OBJECT_CT_HELPER, data.text(unix.NFTA_CT_HELPER_NAME) != h.Type,
			len(protocol) != 1 || protocol[0] != uint8(h.Protocol):
			return c.altered("has another object %s", name)
		}
		delete(wanted, name)
		return nil
	})
	if err != nil {
		return err
	}
	for name := range wanted {
		return c.altered("lacks helper %s", name)
	}
	return nil
}
