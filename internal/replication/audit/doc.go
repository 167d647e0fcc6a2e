// Package audit compares two tables without sending them. Each side cuts its table into buckets by a hash of the key
// and sums the hashes of the entries of each; buckets whose sums differ have entries that do.
//
// It is PURE: it decides which parts of a table are to be sent, and asks nobody.
package audit
