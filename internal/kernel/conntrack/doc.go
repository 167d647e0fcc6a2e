// Package conntrack implements ctnetlink, the kernel's interface to its connection tracking table. It listens to
// changes, dumps the table, and creates, updates and deletes entries in batches. It does the same with expectations,
// the connections that helpers expect.
//
// The codec (attribute.go, and the files with decode and encode in their names) handles bytes and opens no sockets.
// This way it can be tested and fuzzed against messages captured from a kernel. The sockets (socket.go and the files
// that use it) do not interpret attributes. The exception is selection.go: it writes the socket filter with which the
// kernel drops unwanted events.
//
// The package makes no policy. Packages class/connectioncache and class/expectations decide what matters and what a
// standby does with it. The package needs CAP_NET_ADMIN. It works on the network namespace of the thread that opened
// the socket.
//
// All numbers come from include/uapi/linux/netfilter/nfnetlink_conntrack.h and nf_conntrack_common.h.
package conntrack
