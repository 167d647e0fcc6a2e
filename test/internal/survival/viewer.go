package survival

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"github.com/bluenviron/gortsplib/v4"
	"github.com/bluenviron/gortsplib/v4/pkg/base"
	"github.com/bluenviron/gortsplib/v4/pkg/description"
	"github.com/bluenviron/gortsplib/v4/pkg/format"
	"github.com/pion/rtp"

	"github.com/hapair-io/hapair/test/internal/endurance"
)

// viewer is an RTSP client that plays when its caller wants.
type viewer struct {
	client  gortsplib.Client
	packets atomic.Uint64
}

// newViewer sets up media over UDP. Close ends the viewer.
func newViewer(host endurance.Host, address string) (*viewer, error) {
	v := &viewer{}
	overUDP := gortsplib.TransportUDP
	v.client = gortsplib.Client{
		Transport: &overUDP, ReadTimeout: patience, InitialUDPReadTimeout: patience,
		DialContext: host.Dial,
		ListenPacket: func(network, address string) (net.PacketConn, error) {
			return host.ListenPacket(context.Background(), network, address)
		},
	}
	url, err := base.ParseURL(address)
	if err != nil {
		return nil, err
	}
	if err := v.client.Start(url.Scheme, url.Host); err != nil {
		return nil, fmt.Errorf("connecting to the camera: %w", err)
	}
	session, _, err := v.client.Describe(url)
	if err == nil {
		err = v.client.SetupAll(session.BaseURL, session.Medias)
	}
	if err != nil {
		return v, fmt.Errorf("setting up the media: %w", err)
	}
	v.client.OnPacketRTPAny(func(*description.Media, format.Format, *rtp.Packet) { v.packets.Add(1) })
	return v, nil
}

// play plays until some media have come.
func (v *viewer) play(ctx context.Context) error {
	if _, err := v.client.Play(nil); err != nil {
		return fmt.Errorf("playing: %w", err)
	}
	return grows(ctx, "media", packetsASecond, func() (uint64, error) { return v.packets.Load(), nil })
}

// Close ends the viewer.
func (v *viewer) Close() { v.client.Close() }
