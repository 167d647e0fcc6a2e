//go:build netns

package gateway_test

import "net"

// media are the sockets of RTP and RTCP of a client and a server.
type media struct{ rtp, rtcp, serverRTP, serverRTCP *net.UDPConn }

func (b *bed) media(client, server int) media {
	b.Helper()
	return media{
		rtp: b.client.ListenUDP(b, at(clientAddress, client)), rtcp: b.client.ListenUDP(b, at(clientAddress, client+1)),
		serverRTP:  b.server.ListenUDP(b, at(serverAddress, server)),
		serverRTCP: b.server.ListenUDP(b, at(serverAddress, server+1)),
	}
}
