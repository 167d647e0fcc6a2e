package contract_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hapair-io/hapair/internal/contract"
	"github.com/hapair-io/hapair/internal/state"
)

func quota(class string, entries, mebibytes int) contract.ProviderQuota {
	return contract.ProviderQuota{Class: class, Entries: entries, Mebibytes: mebibytes}
}

func TestQuotas(t *testing.T) {
	alone := []contract.Provider{{Name: "kea", Writes: []string{"leases"}}}
	if got := contract.Quotas(alone)["leases"]; got != quota("leases", 65_536, 64) {
		t.Errorf("a class alone has %+v", got)
	}
	three := providers()
	if got := contract.Quotas(three)["calls"]; got != quota("calls", 21_845, 21) {
		t.Errorf("one class of three has %+v", got)
	}
	three[0].Quotas = []contract.ProviderQuota{quota("leases", 50_000, 0), quota("declined", 0, 1)}
	for class, want := range map[string]contract.ProviderQuota{
		"leases": quota("leases", 50_000, 31), "declined": quota("declined", 7_768, 1), "calls": quota("calls", 7_768, 31),
	} {
		if got := contract.Quotas(three)[class]; got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
	three[1].Writes = append(three[1].Writes, state.DynamicAddressObjects.String())
	if got := contract.Quotas(three); got["calls"].Entries != 7_768 || len(got) != 3 {
		t.Errorf("with a class of the kernel: %+v", got)
	}
	var most []contract.Provider
	for i := range contract.MaxProviders {
		p := contract.Provider{Name: fmt.Sprint("p", i), UID: int64(i + 1)}
		for j := range contract.MaxProviderClasses {
			p.Writes = append(p.Writes, fmt.Sprintf("c%d-%d", i, j))
		}
		most = append(most, p)
	}
	if got := contract.Quotas(most)["c7-7"]; got != quota("c7-7", 1024, 1) {
		t.Errorf("one class of 64 has %+v", got)
	}
	s := whole()
	s.Providers = most
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
}

func TestQuotasAreRefused(t *testing.T) {
	for want, quotas := range map[string][]contract.ProviderQuota{
		`quotas[0].class: the provider does not write "calls"; add it`: {quota("calls", 1, 1)},
		"quotas[1].class: leases has a quota already":                  {quota("leases", 1, 1), quota("leases", 2, 2)},
		"quotas[0]: at most 65536 entries and 64 mebibytes":            {quota("leases", 70_000, 0)},
		"the quotas have 64000 entries, and 2 classes":                 {quota("leases", 64_000, 0)},
		"the quotas have 63 mebibytes, and 2 classes":                  {quota("leases", 0, 63)},
	} {
		t.Run(want, func(t *testing.T) {
			s := whole()
			s.Providers = providers()
			s.Providers[0].Quotas = quotas
			if err := s.Validate(); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v", err)
			}
		})
	}
}
