//go:build e2e

package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/hapair-io/hapair/test/cluster"
	"github.com/hapair-io/hapair/test/namespace"
)

var _ = Describe("The metrics of a unit", func() {
	It("are served to clients with the pair's token, by the unit itself", func(ctx SpecContext) {
		pair := newPair("scraped")
		create(ctx, pair)
		DeferCleanup(remove, pair)
		key := client.ObjectKeyFromObject(pair)
		Expect(site.AwaitRedundant(ctx, k8s, key)).To(Succeed())
		access := &corev1.Secret{}
		Expect(k8s.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Name + "-metrics"}, access)).To(Succeed())

		for unit, pod := range unitPods(ctx, key) {
			name := fmt.Sprintf("%s.%s.%s.hapair", unit, key.Name, key.Namespace)
			scraper := newScraper(access.Data["ca.crt"], pod.Status.PodIP, name)
			status, body := scraper.scrape(ctx, string(access.Data["token"]))
			Expect(status).To(Equal(http.StatusOK))
			Expect(body).To(MatchRegexp(`\nhapair_replication_connected\{pair="[^"]+",unit="(primary|secondary)"\} 1\n`))
			status, body = scraper.scrape(ctx, "another-token-than-that")
			Expect(status).To(Equal(http.StatusUnauthorized))
			Expect(body).NotTo(ContainSubstring("hapair_"))
		}
	}, NodeTimeout(4*time.Minute))
})

// scraper requests metrics of a unit from a node, as Prometheus would from a pod.
type scraper struct{ client *http.Client }

func newScraper(authority []byte, address, name string) scraper {
	GinkgoHelper()
	known := x509.NewCertPool()
	Expect(known.AppendCertsFromPEM(authority)).To(BeTrue())
	unit := netip.AddrPortFrom(netip.MustParseAddr(address), 7782).String()
	return scraper{&http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: known, ServerName: name},
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return namespace.Dial(ctx, namespace.Named("hapair-"+cluster.Worker1), "tcp", unit)
		},
	}}}
}

func (s scraper) scrape(ctx context.Context, token string) (status int, body string) {
	GinkgoHelper()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://unit/metrics", nil)
	Expect(err).NotTo(HaveOccurred())
	request.Header.Set("Authorization", "Bearer "+token)
	answer, err := s.client.Do(request)
	Expect(err).NotTo(HaveOccurred())
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	Expect(err).NotTo(HaveOccurred())
	return answer.StatusCode, string(text)
}
