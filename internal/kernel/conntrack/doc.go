// Package conntrack implements ctnetlink, the kernel's interface to its connection tracking table. It listens to
// changes, dumps the table, and creates, updates and deletes entries in batches.
//
// The codec (attribute.go, decode.go, encode.go) handles bytes and opens no sockets. This way it can be tested and
// fuzzed against messages captured from a kernel. The sockets (socket.go and the files that use it) do not interpret
// attributes. The exception is selection.go: it writes the socket filter with which the kernel drops unwanted events.
//
// The package makes no policy. Package class/connectioncache, its only caller, decides which entries matter and what a
// standby does with them. The package needs CAP_NET_ADMIN. It works on the network namespace of the thread that opened
// the socket.
//
// All numbers come from include/uapi/linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_common.h.
package conntrack
