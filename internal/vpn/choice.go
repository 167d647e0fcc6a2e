package vpn

import (
	"fmt"
	"os"

	"github.com/go-logr/logr"

	"github.com/hapair-io/hapair/internal/kernel/xfrm"
)

// tunDevice is what ESP in userspace needs.
const tunDevice = "/dev/net/tun"

// ChooseESP tries who can encrypt packets on this node: the kernel, or else charon itself.
func ChooseESP(log logr.Logger) (ESP, error) {
	kernel := xfrm.Try()
	if kernel == nil {
		return KernelESP, nil
	}
	device, err := os.OpenFile(tunDevice, os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("no ESP on this node: the kernel refuses it (%w), and userspace needs %s (%w); load the "+
			"kernel modules esp4, esp6, xfrm_user and xfrm_interface, or tun", kernel, tunDevice, err)
	}
	_ = device.Close()
	log.Info("Encrypting packets in userspace, since the kernel does not", "kernel", kernel.Error())
	return UserspaceESP, nil
}
