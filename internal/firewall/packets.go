package firewall

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/firewall/plan"
	"github.com/hapair-io/hapair/internal/kernel/packetlog"
)

// logPackets writes a line for each packet that a log rule copies to the firewall, until ctx ends. Its failure does not
// affect filtering.
func logPackets(ctx context.Context, log logr.Logger) {
	listener, err := packetlog.Listen(plan.LogGroup)
	if err != nil {
		log.Error(err, "Listening to the packet log; packets are filtered and not logged")
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer func() {
		if stop() {
			_ = listener.Close()
		}
	}()
	for {
		entries, err := listener.Receive()
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, packetlog.ErrLost):
			log.Error(err, "Logging packets")
		case err != nil:
			log.Error(err, "Listening to the packet log; packets are filtered and no longer logged")
			return
		}
		for _, e := range entries {
			logPacket(log, e)
		}
	}
}

func logPacket(log logr.Logger, e packetlog.Entry) {
	policy := strings.TrimSuffix(strings.TrimPrefix(e.Prefix, plan.LogPrefix), ":")
	p := e.Packet
	values := []any{
		"policy", policy, "in", interfaceName(e.In), "out", interfaceName(e.Out), "protocol", p.ProtocolName(),
	}
	switch {
	case p.IsICMP():
		values = append(values, "source", p.Source.Addr().String(), "destination", p.Destination.Addr().String(),
			"type", p.Type, "code", p.Code)
	case p.Source.Port() != 0 || p.Destination.Port() != 0:
		values = append(values, "source", p.Source.String(), "destination", p.Destination.String())
	default:
		values = append(values, "source", p.Source.Addr().String(), "destination", p.Destination.Addr().String())
	}
	log.Info("Seeing packet", values...)
}

// interfaceName returns the name of an interface, or its index if the interface is gone. It is empty for index 0.
func interfaceName(index int) string {
	if index == 0 {
		return ""
	}
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return strconv.Itoa(index)
}
