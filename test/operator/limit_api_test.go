//go:build apiserver

package operator

import (
	"fmt"
	"math/rand/v2"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/hapair-io/hapair/api/v1alpha1"
	"github.com/hapair-io/hapair/internal/firewall/document"
	"github.com/hapair-io/hapair/internal/resources"
)

// nearLimit returns a configuration whose stored form is about as large as allowed, and the field with most of it.
func nearLimit(random *rand.Rand) (configuration *v1alpha1.FirewallConfiguration, field string) {
	spec := v1alpha1.FirewallConfigurationSpec{
		Zones: []v1alpha1.FirewallZone{{Name: "lan", Interfaces: []string{"lan"}}},
	}
	size := document.MaxBytes - 2000 + random.IntN(4000) // what the lists take in the stored form
	field = "addresses"
	if random.IntN(2) == 0 {
		field = "routing"
		name := strings.Repeat("r", 59)
		for n := range 4096 {
			r := v1alpha1.StaticRoute{
				Name: fmt.Sprintf("%s%04x", name, n), To: fmt.Sprintf("2001:db8:1111:2222:3333:4444:%x:0/112", 0x1000+n),
				Interface: "lan", Via: fmt.Sprintf("2001:db8:1111:2222:3333:4444:5555:%x", 0x1000+n),
			}
			spec.Routing.Routes = append(spec.Routing.Routes, r)
			size -= len(`{"name":"","to":"","via":"","interface":""},` + r.Name + r.To + r.Via + r.Interface)
		}
	}
	// The same member has another length as it is stored.
	forms := []string{"2001:db8:%x:%x:0:0:0:1", "2001:DB8:%x:%X::1", "2001:db8:%x:%x::1/128"}
	form := forms[random.IntN(len(forms))]
	for n := 0; size > 0; n++ {
		a := v1alpha1.AddressObject{Name: fmt.Sprintf("a%d", n)}
		for m := 0; m < 8192 && size > 0; m++ {
			a.Members = append(a.Members, fmt.Sprintf(form, 0x1000+n, 0x1000+2*m))
			size -= len(`"2001:db8:1000:1000::1",`)
		}
		spec.Addresses = append(spec.Addresses, a)
	}
	return &v1alpha1.FirewallConfiguration{
		TypeMeta:   metav1.TypeMeta{APIVersion: document.APIVersion, Kind: document.Kind},
		ObjectMeta: metav1.ObjectMeta{Name: "large", Namespace: "default"}, Spec: spec,
	}, field
}

var _ = Describe("A configuration about as large as a unit stores", func() {
	It("is judged alike by the check, the operator and the API server", func(ctx SpecContext) {
		seed := uint64(GinkgoRandomSeed())
		random := rand.New(rand.NewPCG(seed, 0))
		for range 3 {
			configuration, field := nearLimit(random)
			text, err := yaml.Marshal(configuration)
			Expect(err).NotTo(HaveOccurred())
			admitted := admin.Create(ctx, configuration.DeepCopy(), client.DryRunAll)
			_, checked := document.ParseManifests(text)
			d, operated := resources.FirewallDocument(configuration)
			By(fmt.Sprintf("%s: %d bytes; the check says %v", field, len(d.JSON()), checked))
			Expect(fmt.Sprint(operated)).To(Equal(fmt.Sprint(checked)), "operator and check differ")
			if checked == nil {
				Expect(admitted).NotTo(HaveOccurred(), "the check accepts what the API server refuses")
				continue
			}
			// The API server cannot know the stored size. It refuses nothing else here.
			Expect(admitted).NotTo(HaveOccurred())
			Expect(checked).To(MatchError(SatisfyAll(
				ContainSubstring("spec."+field+": has "), ContainSubstring("as it is stored, and at most 1048576 are allowed"))))
		}
	})
})
