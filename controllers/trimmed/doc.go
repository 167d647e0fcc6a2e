// Package trimmed is the operator's cache of the objects that pairs own.
//
// A pair owns two dozen objects, and most of them matter only in one way: whether they are as the operator applied
// them. So the cache keeps of each object its identity, a digest of what the operator applied, and the few fields that
// a reconciler reads. Function Kinds lists the kinds, and kinds.go has the fields of each.
//
// A reader gets such an object as the usual type, for example a corev1.Secret, with all other fields empty. It must
// never write the object back. The digest is not part of the object; Read returns it. Package internal/cli/manager
// creates the cache, and the reconcilers read it.
package trimmed
