// Package nfqueue receives packets that rules send to a queue of nfnetlink_queue, and returns a verdict about each: it
// passes, as it is or with another payload, or it is dropped.
//
// The traffic does not depend on the receiver. The rules pass packets while no process is bound to the queue. If a
// process is bound but hangs, the kernel passes packets once the queue is full.
//
// The codec (packet.go, request.go) handles bytes and opens no sockets. The package does not use NFQA_CT, which many
// kernels lack (CONFIG_NETFILTER_NETLINK_GLUE_CT). A rule at prerouting sees packets before translation, so their
// addresses and ports are a tuple of the connection, and package conntrack finds the entry by it.
//
// Package gateway calls this package. It needs CAP_NET_ADMIN. All numbers come from
// include/uapi/linux/netfilter/nfnetlink_queue.h.
package nfqueue
