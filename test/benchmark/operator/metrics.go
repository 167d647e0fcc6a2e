package operator

import (
	"context"
	"crypto/tls"
	"fmt"
	"math"
	"net"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/hapair-io/hapair/test/namespace"
)

// reconciles are the operator's metrics of its reconciles of pairs since it started.
type reconciles struct {
	Count, Errors uint64
	buckets       []bucket
}

// bucket counts the reconciles that took at most a number of seconds.
type bucket struct {
	seconds float64
	count   uint64
}

// reconciles reads the operator's metrics.
func (b *bed) reconciles(ctx context.Context) (reconciles, error) {
	scraper := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		// The operator has just created this certificate for itself.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // No other process is in the namespace.
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return namespace.Dial(ctx, namespace.Named(b.namespace.Name), network, address)
		},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+metricsAddress+"/metrics", nil)
	if err != nil {
		return reconciles{}, err
	}
	request.Header.Set("Authorization", "Bearer "+b.server.AdminConfig().BearerToken)
	answer, err := scraper.Do(request)
	if err != nil {
		return reconciles{}, fmt.Errorf("reading the operator's metrics: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return reconciles{}, fmt.Errorf("reading the operator's metrics: %s", answer.Status)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(answer.Body)
	if err != nil {
		return reconciles{}, fmt.Errorf("reading the operator's metrics: %w", err)
	}
	return reconcilesOf(families), nil
}

func reconcilesOf(families map[string]*dto.MetricFamily) (r reconciles) {
	const controller = "hapair"
	for _, m := range families["controller_runtime_reconcile_errors_total"].GetMetric() {
		if labelled(m, controller) {
			r.Errors = uint64(m.GetCounter().GetValue())
		}
	}
	for _, m := range families["controller_runtime_reconcile_time_seconds"].GetMetric() {
		if !labelled(m, controller) {
			continue
		}
		r.Count = m.GetHistogram().GetSampleCount()
		for _, b := range m.GetHistogram().GetBucket() {
			r.buckets = append(r.buckets, bucket{seconds: b.GetUpperBound(), count: b.GetCumulativeCount()})
		}
	}
	return r
}

func labelled(m *dto.Metric, controller string) bool {
	for _, l := range m.GetLabel() {
		if l.GetName() == "controller" && l.GetValue() == controller {
			return true
		}
	}
	return false
}

// since returns the reconciles after an earlier reading.
func (r reconciles) since(before reconciles) reconciles {
	now := reconciles{Count: r.Count - before.Count, Errors: r.Errors - before.Errors}
	for i, b := range r.buckets {
		if i < len(before.buckets) {
			b.count -= before.buckets[i].count
		}
		now.buckets = append(now.buckets, b)
	}
	return now
}

// quantile returns the duration within which a part of the reconciles ended. It interpolates within a bucket.
func (r reconciles) quantile(part float64) time.Duration {
	wanted := part * float64(r.Count)
	lower, below := 0.0, uint64(0)
	for _, b := range r.buckets {
		if float64(b.count) >= wanted && b.count > below {
			upper := b.seconds
			if math.IsInf(upper, 1) {
				upper = lower
			}
			seconds := lower + (upper-lower)*(wanted-float64(below))/float64(b.count-below)
			return time.Duration(seconds * float64(time.Second))
		}
		lower, below = b.seconds, b.count
	}
	return 0
}
