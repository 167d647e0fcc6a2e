// Package owned applies the objects that a pair owns, such as its Lease, Services and Secrets.
//
// It writes an object only if the object differs from what the operator applied last, so a steady pair causes no
// write. It refuses to take over an object of the same name that belongs to someone else. The reconcilers call it;
// package resources decides which objects a pair has.
package owned
