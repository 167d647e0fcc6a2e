package table

import (
	"fmt"
	"strings"
)

// Usage is what the entries of a group need.
type Usage struct {
	// Entries and Bytes count as towards MaxEntries and MaxBytes.
	Entries, Bytes int
	// Revision is that of the last change of the group, which may be a deletion.
	Revision uint64
}

// Quota bounds the entries of a group. Its zero value is no bound.
type Quota struct{ Entries, Bytes int }

// QuotaError is the error of a write by which a group would grow beyond its quota.
type QuotaError struct {
	Wanted Usage
	Quota  Quota
}

// Error implements error.
func (e *QuotaError) Error() string {
	return fmt.Sprintf("there would be %d entries with %d bytes, and at most %d and %d are allowed", e.Wanted.Entries,
		e.Wanted.Bytes, e.Quota.Entries, e.Quota.Bytes)
}

// maxEmptyGroups bounds how many groups are kept that have no entries any more.
const maxEmptyGroups = 1024

// groups counts what each group of a table needs. A table without groups has one, whose prefix is empty.
type groups struct {
	isGrouped bool
	usages    map[string]*Usage // by the prefix of the keys
}

// prefixOf returns the prefix of the group of a key.
func (g *groups) prefixOf(key string) string {
	if !g.isGrouped {
		return ""
	}
	return key[:strings.IndexByte(key, '/')+1]
}

// usage returns what a group needs.
func (g *groups) usage(prefix string) Usage {
	if u := g.usages[prefix]; u != nil {
		return *u
	}
	return Usage{}
}

// add adds a change of a key to its group.
func (g *groups) add(key string, entries, bytes int, revision uint64) {
	prefix := g.prefixOf(key)
	u := g.usages[prefix]
	if u == nil {
		u = &Usage{}
		g.usages[prefix] = u
	}
	u.Entries, u.Bytes, u.Revision = u.Entries+entries, u.Bytes+bytes, revision
	if u.Entries == 0 && len(g.usages) > maxEmptyGroups {
		delete(g.usages, prefix) // Only a peer that invents groups has so many.
	}
}

// check returns an error if a group grows beyond a quota. A group that shrinks may still be too large: the quota can
// have been lowered.
func (q Quota) check(before, after Usage) error {
	if q == (Quota{}) {
		return nil
	}
	if after.Entries > max(q.Entries, before.Entries) || after.Bytes > max(q.Bytes, before.Bytes) {
		return &QuotaError{Wanted: after, Quota: q}
	}
	return nil
}
