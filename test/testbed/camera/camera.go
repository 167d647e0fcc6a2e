// Package camera has an RTSP server that sends sound without end. Tests of the gateway and of the cluster watch it.
package camera

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"github.com/hapair-io/hapair/test/namespace"
)

const (
	// SampleRate is how many samples of A-law a second has.
	SampleRate = 8000
	// interval is the time between two packets of sound.
	interval = 20 * time.Millisecond
	// samples is the number of samples in a packet.
	samples = SampleRate * int(interval) / int(time.Second)
	// rtpPort is that from which the media come. RTCP has the next one.
	rtpPort = 8000
)

// Camera is a running server.
type Camera struct {
	server  *gortsplib.Server
	stream  *gortsplib.ServerStream
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// Serve starts a camera in the network namespace at a path. Close ends it.
func Serve(path string, at netip.AddrPort) (*Camera, error) {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Camera{cancel: cancel}
	port := func(n uint16) string { return netip.AddrPortFrom(at.Addr(), n).String() }
	c.server = &gortsplib.Server{
		Handler: c, RTSPAddress: at.String(), UDPRTPAddress: port(rtpPort), UDPRTCPAddress: port(rtpPort + 1),
		Listen: func(network, address string) (net.Listener, error) {
			return namespace.Listen(ctx, path, network, address)
		},
		ListenPacket: func(network, address string) (net.PacketConn, error) {
			return namespace.ListenPacket(ctx, path, network, address)
		},
	}
	if err := c.server.Start(); err != nil {
		cancel()
		return nil, fmt.Errorf("starting the camera: %w", err)
	}
	sound := &description.Media{
		Type:    description.MediaTypeAudio,
		Formats: []format.Format{&format.G711{PayloadTyp: 8, SampleRate: SampleRate, ChannelCount: 1}},
	}
	c.stream = gortsplib.NewServerStream(c.server, &description.Session{Medias: []*description.Media{sound}})
	c.running.Go(func() { c.send(ctx, sound) })
	return c, nil
}

func (c *Camera) send(ctx context.Context, sound *description.Media) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for n := 0; ctx.Err() == nil; n++ {
		header := rtp.Header{Version: 2, PayloadType: 8, SequenceNumber: uint16(n), Timestamp: uint32(n * samples)}
		_ = c.stream.WritePacketRTP(sound, &rtp.Packet{Header: header, Payload: make([]byte, samples)}) // Nobody may listen.
		<-ticker.C
	}
}

// Close ends the camera.
func (c *Camera) Close() {
	c.cancel()
	c.running.Wait()
	c.server.Close()
}

// OnDescribe describes the stream.
func (c *Camera) OnDescribe(*gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

// OnSetup sets the stream up.
func (c *Camera) OnSetup(*gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

// OnPlay plays the stream.
func (c *Camera) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}
