// Package rtnetlink sets addresses, per-interface IPv4 settings and forwarding rules of the network namespace that the
// process is in, and tells when an interface changes. Every setter takes the whole state that is wanted and makes it
// so; repeating it is harmless.
//
// The codec of each kind of message is in its own file beside the calls that use it; the attribute numbers are the
// kernel's, from include/uapi/linux. The package decides nothing: packages gate and vip say what is wanted, and package
// health judges what is seen.
package rtnetlink
