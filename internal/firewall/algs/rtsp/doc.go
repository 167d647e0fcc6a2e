// Package rtsp reads what RTSP servers send on their control connections (RFC 2326), for the ports of the media that a
// client and a server agree on. It handles bytes and does no I/O.
//
// The reply to SETUP alone has the ports of both sides, so requests are not read. Media inside the control connection
// (interleaved) and multicast need no gateway.
package rtsp
