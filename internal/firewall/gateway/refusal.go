package gateway

import (
	"errors"

	"github.com/hapair-io/hapair/internal/firewall/algs/rtsp"
	"github.com/hapair-io/hapair/internal/firewall/algs/tns"
	"github.com/hapair-io/hapair/internal/firewall/gateway/counts"
)

// errHost and errPort report addresses and ports that a gateway does not announce.
var (
	errHost = errors.New("refused address")
	errPort = errors.New("refused port")
)

// refusal returns the result of a message that was refused.
func refusal(why error) counts.Result {
	for _, r := range []struct {
		err    error
		result counts.Result
	}{
		{errClash, counts.InUse},
		{errPassed, counts.Split},
		{errNoRoom, counts.NoRoom},
		{errHost, counts.BadAddress},
		{tns.ErrAddress, counts.BadAddress},
		{errPort, counts.BadPort},
		{rtsp.ErrPorts, counts.BadPort},
	} {
		if errors.Is(why, r.err) {
			return r.result
		}
	}
	return counts.Failed
}
