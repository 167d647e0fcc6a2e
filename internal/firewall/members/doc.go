// Package members lets providers add and remove addresses of the dynamic address objects. An entry of the local API is
// one address of an object, and is an element of a set in the kernel. The sidecar writes it, and class
// DynamicAddressObjects replicates it. The package stores nothing.
//
//	entry.go    entries of the API as elements, PURE
//	members.go  lists and writes in the kernel
package members
