package nftables

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/xt"
	"golang.org/x/sys/unix"

	"github.com/hapair-io/hapair/internal/ruleset"
)

// queueForm is a way to tell the kernel that a rule sends packets to a queue. Kernels differ in what they have.
type queueForm uint8

const (
	// queueUnknown is the form before the kernel was asked.
	queueUnknown queueForm = iota
	// queueNative is the expression of nftables (CONFIG_NFT_QUEUE).
	queueNative
	// queueTarget is the target of iptables, through nft_compat (CONFIG_NETFILTER_XT_TARGET_NFQUEUE).
	queueTarget
)

// queueForms are the forms in the order in which they are tried.
var queueForms = []queueForm{queueNative, queueTarget}

// The target's revision, and struct xt_NFQ_info_v3: number, queues, flags.
const (
	targetRevision = 3
	targetBypass   = 1
)

// encode returns the expression that sends packets to a queue.
func (f queueForm) encode(s ruleset.SendToQueue) expr.Any {
	if f != queueTarget {
		return &expr.Queue{Num: s.Number, Total: 1, Flag: expr.QueueFlagBypass}
	}
	info := binary.NativeEndian.AppendUint16(nil, s.Number)
	info = binary.NativeEndian.AppendUint16(info, 1)
	info = binary.NativeEndian.AppendUint16(info, targetBypass)
	unknown := xt.Unknown(info)
	return &expr.Target{Name: "NFQUEUE", Rev: targetRevision, Info: &unknown}
}

// queueTrialTable is the table in which the kernel is asked for a form. It never lasts: the transaction that adds it
// deletes it.
const queueTrialTable = "hapair-queue-trial"

// ErrNoQueue reports a kernel in which no rule can send packets to a queue.
var ErrNoQueue = errors.New("the node's kernel has neither nft_queue nor xt_NFQUEUE with nft_compat")

// HasQueue reports whether a rule can send packets to a queue.
func (k Kernel) HasQueue() (bool, error) {
	_, err := k.tryQueueForms()
	if errors.Is(err, ErrNoQueue) {
		return false, nil
	}
	return err == nil, err
}

// findQueueForm returns the first form that the kernel has, for a ruleset with queues.
func (k Kernel) findQueueForm(r ruleset.Ruleset) (queueForm, error) {
	if !r.HasQueue() {
		return queueUnknown, nil
	}
	if k.socket != nil && k.socket.queueForm != queueUnknown {
		return k.socket.queueForm, nil
	}
	return k.tryQueueForms()
}

// tryQueueForms asks the kernel for each form. Its error is ErrNoQueue if the kernel has none.
func (k Kernel) tryQueueForms() (queueForm, error) {
	for _, form := range queueForms {
		err := k.change(func(conn *nftables.Conn) error {
			table := &nftables.Table{Name: queueTrialTable, Family: nftables.TableFamilyINet}
			chain := &nftables.Chain{Name: "trial", Table: table}
			conn.AddTable(table)
			conn.AddChain(chain)
			conn.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{form.encode(ruleset.SendToQueue{})}})
			conn.DelTable(table)
			return conn.Flush()
		})
		switch {
		case err == nil:
			if k.socket != nil {
				k.socket.queueForm = form
			}
			return form, nil
		case !errors.Is(err, unix.ENOENT):
			return queueUnknown, fmt.Errorf("asking the kernel how a rule sends packets to a queue: %w", explain(err))
		}
	}
	return queueUnknown, fmt.Errorf("%w; load one of them", ErrNoQueue)
}

// compareForms compares a rule with what the kernel has, in each form.
func (b *builder) compareForms(rule ruleset.Rule, got []byte) error {
	forms := queueForms
	if !rule.HasQueue() {
		forms = queueForms[:1]
	}
	var differs error
	for _, b.queueForm = range forms {
		want, err := b.encode(rule)
		if err != nil {
			return err
		}
		if differs = compareRule(want, got); differs == nil {
			return nil
		}
	}
	return differs
}
