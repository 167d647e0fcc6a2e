package layout

import (
	"net/netip"
	"testing"
)

// The kernel does not shorten a longer name: it refuses it.
const longestInterfaceName = 15

func TestNamesFitTheKernel(t *testing.T) {
	for _, host := range Hosts() {
		for _, cable := range host.Cables {
			if port := host.Port(cable); len(port) > longestInterfaceName {
				t.Errorf("port %q has %d bytes", port, len(port))
			}
		}
	}
}

func TestNothingIsGivenTwice(t *testing.T) {
	seen := map[string]bool{}
	once := func(what string) {
		if seen[what] {
			t.Errorf("%s is used twice", what)
		}
		seen[what] = true
	}
	for _, host := range Hosts() {
		once(host.Name)
		once(host.Namespace())
		if host.Worker() {
			once(host.PodSubnet.String())
		}
		for _, cable := range host.Cables {
			once("port " + host.Port(cable))
			for _, address := range cable.Addresses {
				once(address.Addr().String())
			}
		}
	}
}

func TestAddressesBelongToTheirNetworks(t *testing.T) {
	pods := netip.MustParsePrefix(PodNetwork)
	services := netip.MustParsePrefix(ServiceNetwork)
	for _, worker := range Workers() {
		if !pods.Overlaps(worker.PodSubnet) {
			t.Errorf("pods of %s (%s) are not in %s", worker.Name, worker.PodSubnet, pods)
		}
	}
	if services.Overlaps(pods) {
		t.Errorf("services (%s) and pods (%s) overlap", services, pods)
	}
	for _, address := range []string{APIServerService, DNSService} {
		if !services.Contains(netip.MustParseAddr(address)) {
			t.Errorf("%s is not in %s", address, services)
		}
	}
}

func TestFindSaysWhatThereIs(t *testing.T) {
	if _, err := FindNode(Client); err == nil {
		t.Error("the client was found as a node")
	}
	_, err := FindHost("worker-3")
	want := `no host "worker-3": the hosts are control-plane, worker-1, worker-2, router, isp, client, server`
	if err == nil || err.Error() != want {
		t.Errorf("error = %v, want %q", err, want)
	}
}
