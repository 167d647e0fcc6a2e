// Package conntrack speaks ctnetlink, the kernel's interface to its connection tracking table: it listens to changes,
// dumps the table, and creates, updates and deletes entries in batches.
//
// The codec (attribute.go, decode.go, encode.go) knows bytes and no sockets, so that it is tested and fuzzed against
// messages captured from a kernel. The sockets (socket.go and what builds on it) know no attributes; the
// kernel does, for whom selection.go writes the program that says which events it leaves out.
//
// It is not a policy: which entries matter, and what a standby does with them, is the affair of package
// class/connectioncache, its only caller. It needs CAP_NET_ADMIN, and works on the network namespace of the thread that
// opened the socket.
//
// The source of all numbers is include/uapi/linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_common.h.
package conntrack
