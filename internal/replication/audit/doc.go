// Package audit compares two tables without sending them. Each unit divides its table into buckets by a hash of the
// key, and adds up the hashes of the entries of each bucket. Buckets with different sums hold different entries.
//
// It is pure: it computes which parts of a table to send. Packages sender and receiver read the tables.
package audit
